"""Heads: all that the headers of a request say, whatever it asks for.

Clients send the same headers with one request after the other, so what was read of them is remembered as a whole, with
the peer they came from. Who is asked for and whether the token still counts is decided for each request.
"""

import re
from functools import lru_cache

from gateway_svc.routing import envelope, headers, tracing
from gateway_svc.routing.authentication import credentials
from gateway_svc.routing.errors import InvalidToken
from gateway_svc.routing.forwarding import Origin, TrustedProxies
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.asgi import Scope
from libs.rpc.messages import RawHeaders

MAX_HOST_BYTES = 261  # a name of 255 and a port

#: So many heads are remembered, of at most so many bytes each.
MEMORY, MAX_BYTES = 2048, 4096

#: Differ from one request to the next: a head with these won't come again.
_ONCE = frozenset((b"traceparent", b"x-request-id", b"idempotency-key"))

_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Head:
    """What the headers say. `host` is None where it is missing, repeated or malformed, `token` where there is none."""

    __slots__ = (
        "client_request_id", "content_length", "dropped", "envelope", "has_body", "headers", "host", "names", "origin",
        "token", "token_error",
    )  # fmt: skip

    def __init__(self, given: RawHeaders, origin: Origin, name: str) -> None:
        """Read `given`, which came from `origin`; `name` is this gateway's."""
        self.headers = given
        #: By name, the last of each; most have one only.
        self.names = dict(given)
        self.origin = origin
        self.host = self._host()
        self.content_length = int(self.names.get(b"content-length", b"0"))
        self.has_body = self.content_length > 0 or b"transfer-encoding" in self.names
        self.client_request_id = tracing.client_request_id(given) if b"x-request-id" in self.names else ""
        self.token: str | None = None
        self.token_error = ""
        try:
            self.token = credentials(given)
        except InvalidToken as error:
            self.token_error = error.detail
        passing, self.dropped = envelope.passing(given)
        base = pb.Request(scheme=origin.scheme, authority=self.host or "", client_ip=origin.client_ip)
        ours = envelope.ours(origin, given, self.host or "", name)
        #: The part of the envelope that the headers decide, serialized.
        self.envelope = base.SerializeToString() + passing + ours

    def _host(self) -> str | None:
        given = self.names.get(b"host")
        if given is None:
            return "" if self.origin.version == "1.0" else None
        host = _text_of_host(given) if len(given) <= MAX_HOST_BYTES else ""
        if not host or (len(self.names) < len(self.headers) and len(headers.values(self.headers, b"host")) > 1):
            return None
        return host


class Heads:
    """The heads seen lately."""

    def __init__(self, proxies: TrustedProxies, name: str) -> None:
        """Find origins by `proxies`; `name` is this gateway's in Via and Forwarded."""
        self._proxies = proxies
        self._name = name
        self._known: dict[object, Head] = {}

    def of(self, scope: Scope) -> Head:
        """Give the head of a request."""
        given = tuple(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else ""
        key = (given, peer, scope["scheme"], scope["http_version"])
        head = self._known.get(key)
        if head is None:
            head = Head(given, self._proxies.origin(scope), self._name)
            self._remember(key, head)
        return head

    def _remember(self, key: object, head: Head) -> None:
        size = sum(len(name) + len(value) for name, value in head.headers)  # what does not pass is kept as well
        if size <= MAX_BYTES and head.names.keys().isdisjoint(_ONCE):
            if len(self._known) >= MEMORY:
                self._known.clear()
            self._known[key] = head


@lru_cache(1024)
def _text_of_host(given: bytes) -> str:
    return given.decode() if _HOST.fullmatch(given) else ""
