"""Request ids and W3C trace context at the edge."""

import re
import secrets
from dataclasses import dataclass

from gateway_svc.routing.headers import first, values
from libs.rpc.messages import RawHeaders, parse_traceparent

_CLIENT_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace a request belongs to: `span_id` is the gateway's own span."""

    trace_id: str
    span_id: str
    flags: str
    tracestate: str = ""

    @classmethod
    def of(cls, headers: RawHeaders) -> "Trace":
        """Continue a valid trace of the client; begin one otherwise, without its tracestate."""
        given = values(headers, b"traceparent")
        parsed = parse_traceparent(given[0].decode("latin-1")) if len(given) == 1 else None
        if parsed is None:
            return cls(secrets.token_hex(16), secrets.token_hex(8), "01")
        state = b",".join(values(headers, b"tracestate")).decode("latin-1")
        return cls(parsed[0], secrets.token_hex(8), given[0][53:55].decode(), state)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Give the headers that carry it on."""
        made = [(b"traceparent", f"00-{self.trace_id}-{self.span_id}-{self.flags}".encode())]
        return [*made, (b"tracestate", self.tracestate.encode("latin-1"))] if self.tracestate else made


def client_request_id(headers: RawHeaders) -> str:
    """Give the client's own request id where it is well-formed: it is logged, and never used inside."""
    given = first(headers, b"x-request-id")
    return given.decode() if _CLIENT_REQUEST_ID.fullmatch(given) else ""
