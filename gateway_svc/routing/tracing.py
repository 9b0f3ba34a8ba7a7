"""Request ids and W3C trace context at the edge."""

import re
from dataclasses import dataclass

from gateway_svc.routing.headers import first, values
from libs.rpc.messages import RawHeaders
from libs.telemetry.trace import Traceparent, new_traceparent, parse_traceparent

_CLIENT_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace a request belongs to; its span is the gateway's own."""

    parent: Traceparent
    tracestate: str = ""

    @classmethod
    def of(cls, headers: RawHeaders) -> "Trace":
        """Continue a valid trace of the client; begin one otherwise, without its tracestate."""
        given = values(headers, b"traceparent")
        parsed = parse_traceparent(given[0].decode("latin-1")) if len(given) == 1 else None
        if parsed is None:
            return cls.new()
        return cls(parsed.child(), b",".join(values(headers, b"tracestate")).decode("latin-1"))

    @classmethod
    def new(cls) -> "Trace":
        """Begin a trace."""
        return cls(new_traceparent())

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Give the headers that carry it on."""
        made = [(b"traceparent", str(self.parent).encode())]
        return [*made, (b"tracestate", self.tracestate.encode("latin-1"))] if self.tracestate else made


def client_request_id(headers: RawHeaders) -> str:
    """Give the client's own request id where it is well-formed: it is logged, and never used inside."""
    given = first(headers, b"x-request-id")
    return given.decode() if _CLIENT_REQUEST_ID.fullmatch(given) else ""
