"""JSON bodies: strict RFC 8259, objects only where a body is read by `View.body`."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from libs.contracts.errors import BadRequest, PayloadTooLarge

MAX_BODY = 1024 * 1024


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name appears twice in one object")
    "".join(result).encode()  # refuses names that are no Unicode text (lone surrogates) and could not be told back
    return result


class JSONParser(BaseParser):
    """Parses `application/json`; malformed text is a 400 `malformed_json`."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read and parse the body."""
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise PayloadTooLarge
        try:
            return json.loads(body.decode(), parse_constant=_no_constant, object_pairs_hook=_no_repeats)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"the body is not JSON: {error}", code="malformed_json") from error


class MergePatchParser(JSONParser):
    """Parses `application/merge-patch+json` (RFC 7396), which is read like JSON."""

    media_type = "application/merge-patch+json"
