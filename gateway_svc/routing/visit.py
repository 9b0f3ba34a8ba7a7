"""Visit: one request on its way through the gateway, and what is learnt of it for the access log."""

import re
import time
from dataclasses import dataclass, field

from gateway_svc.routing import forwarding, headers, tracing
from gateway_svc.routing.errors import BadHost, BadTimeout
from gateway_svc.routing.forwarding import Origin, TrustedProxies
from gateway_svc.routing.tracing import Trace
from libs.identity.principal import Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.asgi import Scope
from libs.rpc.messages import RawHeaders, from_principal, new_request_id, to_headers

_SECONDS = re.compile(rb"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(slots=True)
class Visit:
    """A request and its course."""

    scope: Scope
    origin: Origin
    trace: Trace
    client_request_id: str
    request_id: str = field(default_factory=new_request_id)
    started: float = field(default_factory=time.perf_counter)
    route: str = ""
    service: str = ""
    instance: str = ""
    attempts: int = 0
    dropped_headers: int = 0
    principal: Principal | None = None
    token_error: str = ""
    shortened: bool = False
    left: bool = False

    @classmethod
    def of(cls, scope: Scope, proxies: TrustedProxies) -> "Visit":
        """Begin the visit of a request."""
        given: RawHeaders = scope["headers"]
        return cls(scope, proxies.origin(scope), Trace.of(given), tracing.client_request_id(given))

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """The decoded path."""
        return str(self.scope["path"])

    @property
    def headers(self) -> RawHeaders:
        """The headers as the client sent them."""
        given: RawHeaders = self.scope["headers"]
        return given

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self.started

    def deadline(self, seconds: float) -> float:
        """Give when the answer must be there, on the monotonic clock.

        A service gets `seconds`; the client's X-Request-Timeout, in seconds, may only shorten that. It counts from the
        request's arrival.
        """
        given = headers.first(self.headers, b"x-request-timeout")
        if given:
            wanted = float(given) if _SECONDS.fullmatch(given) else 0.0
            if not wanted:
                raise BadTimeout("X-Request-Timeout is a number of seconds above 0, such as 2.5")
            self.shortened = wanted < seconds
            seconds = min(seconds, wanted)
        return time.monotonic() + seconds - self.seconds

    def host(self) -> str:
        """Give the authority that the client named; BadHost where it is missing, repeated or malformed."""
        given = headers.values(self.headers, b"host")
        if not given and self.scope["http_version"] == "1.0":
            return ""
        if len(given) != 1 or not _HOST.fullmatch(given[0]):
            raise BadHost
        return given[0].decode()

    def to_request(self, body: bytes, name: str) -> pb.Request:
        """Make the envelope for the service; `name` is this gateway's."""
        passing, self.dropped_headers = headers.inbound(self.headers)
        host = self.host()
        ours = [*forwarding.added(self.origin, self.headers, host, name), *self.trace.headers]
        return pb.Request(
            method=self.method,
            raw_path=self.scope["raw_path"],
            query=self.scope["query_string"],
            scheme=self.origin.scheme,
            authority=host,
            headers=to_headers([*passing, *ours]),
            body=body,
            client_ip=self.origin.client_ip,
            principal=from_principal(self.principal) if self.principal else None,
            request_id=self.request_id,
            route=self.route,
            token_error=self.token_error,
        )
