"""Visit: one request on its way through the gateway, and what is learnt of it for the access log."""

import re
import time
from functools import lru_cache

from gateway_svc.routing import envelope, headers, tracing
from gateway_svc.routing.errors import BadHost, BadTimeout
from gateway_svc.routing.forwarding import TrustedProxies
from gateway_svc.routing.tracing import Trace
from libs.identity.principal import Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.asgi import Scope
from libs.rpc.messages import RawHeaders, from_principal, new_request_id

MAX_HOST_BYTES = 261  # a name of 255 and a port

_SECONDS = re.compile(rb"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Visit:
    """A request and its course."""

    __slots__ = (
        "attempts", "client_request_id", "dropped_headers", "headers", "instance", "method", "names", "origin", "path",
        "principal", "rate_headers", "request_id", "route", "scope", "service", "shortened", "started", "token_error",
        "trace",
    )  # fmt: skip

    def __init__(self, scope: Scope, proxies: TrustedProxies) -> None:
        """Begin the visit of a request."""
        self.started = time.perf_counter()
        self.scope = scope
        self.headers: RawHeaders = scope["headers"]
        #: By name, the last of each; most have one only.
        self.names = dict(self.headers)
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.origin = proxies.origin(scope)
        self.trace = Trace.of(self.headers) if b"traceparent" in self.names else Trace.new()
        self.request_id = new_request_id()
        self.client_request_id = tracing.client_request_id(self.headers) if b"x-request-id" in self.names else ""
        self.principal: Principal | None = None
        self.route = self.service = self.instance = self.token_error = ""
        self.attempts = self.dropped_headers = 0
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

    def host(self) -> str:
        """Give the authority that the client named; BadHost where it is missing, repeated or malformed."""
        given = self.names.get(b"host")
        if given is None:
            if self.scope["http_version"] == "1.0":
                return ""
            raise BadHost
        host = _text_of_host(given) if len(given) <= MAX_HOST_BYTES else ""
        if not host or (len(self.names) < len(self.headers) and len(headers.values(self.headers, b"host")) > 1):
            raise BadHost
        return host

    def to_request(self, body: bytes, name: str, body_length: int = 0) -> bytes:
        """Make the envelope for the service, serialized; `name` is this gateway's.

        `body_length`: of a body that follows by itself.
        """
        passing, self.dropped_headers = envelope.passing(self.headers)
        host = self.host()
        base = pb.Request(
            method=self.method,
            raw_path=self.scope["raw_path"],
            query=self.scope["query_string"],
            scheme=self.origin.scheme,
            authority=host,
            body=body,
            client_ip=self.origin.client_ip,
            request_id=self.request_id,
            route=self.route,
            token_error=self.token_error,
            body_length=body_length,
        ).SerializeToString()
        ours = envelope.ours(self.origin, self.headers, host, name)
        who = _of_principal(self.principal) if self.principal else b""
        return b"".join((base, passing, ours, envelope.written(self.trace.headers), who))


@lru_cache(1024)
def _text_of_host(given: bytes) -> str:
    return given.decode() if _HOST.fullmatch(given) else ""


@lru_cache(4096)
def _of_principal(principal: Principal) -> bytes:
    return pb.Request(principal=from_principal(principal)).SerializeToString()
