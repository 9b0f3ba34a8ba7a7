"""Request ids and W3C trace context at the edge."""

import re
from typing import NamedTuple

from gateway_svc.routing.headers import values
from libs.rpc.messages import RawHeaders
from libs.telemetry.trace import Traceparent, new_traceparent, parse_traceparent

_CLIENT_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

#: A member of tracestate, such as `vendor=value` or `tenant@vendor=value` (§ 3.3.1.3).
_MEMBER = re.compile(rb"([a-z0-9][a-z0-9_*/@-]{0,255})=[ -+\--<>-~]{0,255}[!-+\--<>-~]")

#: So many members and bytes of a tracestate are passed on; members above `LONG_MEMBER` go first (§ 3.3.1.5).
MAX_MEMBERS = 32
MAX_STATE = 512
LONG_MEMBER = 128


class Trace(NamedTuple):
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
        given = values(headers, b"tracestate")
        return cls(parsed.child(), tracestate(given) if given else "")

    @classmethod
    def new(cls) -> "Trace":
        """Begin a trace."""
        return cls(new_traceparent())

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Give the headers that carry it on."""
        made = [(b"traceparent", str(self.parent).encode())]
        return [*made, (b"tracestate", self.tracestate.encode("latin-1"))] if self.tracestate else made


def tracestate(given: list[bytes]) -> str:
    """Join the values of tracestate and cut what is too long; empty where a member is invalid or named twice."""
    members = [member for value in given for part in value.split(b",") if (member := part.strip(b" \t"))]
    keys = {match[1] for member in members if (match := _MEMBER.fullmatch(member))}
    if len(keys) < len(members):
        return ""
    kept = members[:MAX_MEMBERS]
    for droppable in (LONG_MEMBER, 0):
        for index in reversed(range(len(kept))):
            if len(b",".join(kept)) > MAX_STATE and len(kept[index]) > droppable:
                del kept[index]
    return b",".join(kept).decode()


def client_request_id(headers: RawHeaders) -> str:
    """Give the client's own request id where it is well-formed: it is logged, and never used inside."""
    given = values(headers, b"x-request-id")
    return given[0].decode() if len(given) == 1 and _CLIENT_REQUEST_ID.fullmatch(given[0]) else ""
