"""Reads the body of a batch."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from libs.contracts.errors import PayloadTooLarge
from logger_svc.records import intake
from logger_svc.records.errors import UnknownEncoding


class NdjsonParser(BaseParser):
    """Gives `{"ndjson": bytes}`, unpacked, and never more than a batch may be."""

    media_type = "application/x-ndjson"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, bytes]:
        """Read the body by its Content-Encoding."""
        body = stream.read(intake.MAX_BYTES + 1)
        if len(body) > intake.MAX_BYTES:
            raise PayloadTooLarge
        request = (parser_context or {})["request"]
        match request.headers.get("Content-Encoding", "identity").strip().lower():
            case "gzip":
                return {"ndjson": intake.gunzip(body)}
            case "identity" | "":
                return {"ndjson": body}
        raise UnknownEncoding
