"""Answers are JSON whatever the client says it accepts (RFC 9110 § 12.5.1 allows to ignore Accept)."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.renderers import JSONRenderer as BaseJSONRenderer
from rest_framework.request import Request


class JSONRenderer(BaseJSONRenderer):
    """Compact UTF-8 JSON."""

    charset = None


class ProblemRenderer(JSONRenderer):
    """Problem documents (RFC 9457)."""

    media_type = "application/problem+json"
    format = "problem"


class IgnoreAccept(BaseContentNegotiation):
    """Always takes the first renderer, and the parser whose media type matches."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Choose by the media type of Content-Type, without its parameters; JSON where there is none."""
        media_type = (request.content_type or "application/json").split(";", maxsplit=1)[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Take the first renderer."""
        first = next(iter(renderers))
        return first, str(first.media_type)


def plain(value: Any) -> Any:
    """Give `value` as plain JSON values, the way the renderer would write them."""
    import json  # noqa: PLC0415

    return json.loads(JSONRenderer().render(value))
