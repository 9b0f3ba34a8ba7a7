"""Answers are JSON whatever the client says it accepts (RFC 9110 § 12.5.1 allows to ignore Accept)."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.renderers import JSONRenderer as BaseJSONRenderer
from rest_framework.request import Request


class JSONRenderer(BaseJSONRenderer):
    """Compact UTF-8 JSON, by orjson; what that does not take (a huge integer, a lone surrogate) goes DRF's way."""

    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Write `data`; kinds that JSON lacks are written as DRF's encoder does."""
        if data is None:
            return b""
        try:
            return orjson.dumps(data, _other_kinds, orjson.OPT_PASSTHROUGH_DATETIME)
        except TypeError:
            return super().render(data, accepted_media_type, renderer_context)


_other_kinds = BaseJSONRenderer.encoder_class().default


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
    return orjson.loads(JSONRenderer().render(value))
