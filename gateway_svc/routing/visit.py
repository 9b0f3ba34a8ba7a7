"""Visit: one request on its way through the gateway, and what is learnt of it for the access log."""

import re
import time
from functools import lru_cache

from gateway_svc.routing import envelope
from gateway_svc.routing.errors import BadTimeout
from gateway_svc.routing.head import Head
from gateway_svc.routing.tracing import Trace
from libs.identity.principal import Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.asgi import Scope
from libs.rpc.messages import from_principal, new_request_id

_SECONDS = re.compile(rb"[0-9]{1,6}(?:\.[0-9]{1,6})?")


class Visit:
    """A request and its course."""

    __slots__ = (
        "attempts", "head", "headers", "instance", "method", "names", "path", "principal", "rate_headers", "request_id",
        "route", "scope", "service", "shortened", "started", "token_error", "trace",
    )  # fmt: skip

    def __init__(self, scope: Scope, head: Head) -> None:
        """Begin the visit of a request."""
        self.started = time.perf_counter()
        self.scope = scope
        self.head = head
        self.headers, self.names = head.headers, head.names
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.trace = Trace.of(self.headers) if b"traceparent" in self.names else Trace.new()
        self.request_id = new_request_id()
        self.principal: Principal | None = None
        self.token_error = head.token_error
        self.route = self.service = self.instance = ""
        self.attempts = 0
        self.rate_headers: list[tuple[bytes, bytes]] = []
        self.shortened = False

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self.started

    def deadline(self, seconds: float) -> float:
        """Give when the answer must be there, on the monotonic clock.

        A service gets `seconds`; the client's X-Request-Timeout, in seconds, may only shorten that. It counts from the
        request's arrival.
        """
        given = self.names.get(b"x-request-timeout")
        if given is not None:
            wanted = float(given) if _SECONDS.fullmatch(given) else 0.0
            if not wanted:
                raise BadTimeout("X-Request-Timeout is a number of seconds above 0, such as 2.5")
            self.shortened = wanted < seconds
            seconds = min(seconds, wanted)
        return time.monotonic() + seconds - self.seconds

    def to_request(self, body: bytes, body_length: int = 0) -> bytes:
        """Make the envelope for the service, serialized. `body_length`: of a body that follows by itself."""
        own = envelope.request(
            method=self.method,
            raw_path=self.scope["raw_path"],
            query=self.scope["query_string"],
            body=body,
            request_id=self.request_id,
            route=self.route,
        )
        parts = [self.head.envelope, own, envelope.trace(self.trace)]
        if self.principal:
            parts.append(_of_principal(self.principal))
        if self.token_error or body_length:
            parts.append(pb.Request(token_error=self.token_error, body_length=body_length).SerializeToString())
        return b"".join(parts)


@lru_cache(4096)
def _of_principal(principal: Principal) -> bytes:
    return pb.Request(principal=from_principal(principal)).SerializeToString()
