"""CORS, answered here and nowhere else, before authentication: a preflight carries no token."""

import re
from collections.abc import Iterable

from gateway_svc.routing.headers import first
from libs.rpc.messages import RawHeaders

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
ALLOWED_HEADERS = (
    b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Request-ID, "
    b"X-Request-Timeout, Traceparent, Tracestate"
)
EXPOSED_HEADERS = (
    b"ETag, Location, Link, Retry-After, X-Request-ID, Idempotency-Replayed, RateLimit, RateLimit-Policy, "
    b"WWW-Authenticate"
)
MAX_AGE = b"600"

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")


def is_origin(text: str) -> bool:
    """Tell whether `text` is an origin as browsers write it, such as `https://app.example.org`."""
    return _ORIGIN.fullmatch(text) is not None


class Cors:
    """The origins whose pages may read answers. Named ones may send credentials; `*` never goes with them."""

    def __init__(self, origins: Iterable[str], *, any_origin: bool) -> None:
        """Allow `origins`, or any at all."""
        self._origins = frozenset(origin.encode() for origin in origins)
        self._any = any_origin or b"*" in self._origins

    def is_preflight(self, method: str, headers: RawHeaders) -> bool:
        """Tell whether a request asks for permission only."""
        return bool(
            method == "OPTIONS" and first(headers, b"origin") and first(headers, b"access-control-request-method")
        )

    def preflight_headers(self, headers: RawHeaders) -> list[tuple[bytes, bytes]]:
        """Give what a preflight's answer has beyond `headers`."""
        if not self._allows(first(headers, b"origin")):
            return []
        return [
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", ALLOWED_HEADERS),
            (b"access-control-max-age", MAX_AGE),
        ]

    def headers(self, headers: RawHeaders) -> list[tuple[bytes, bytes]]:
        """Give what every answer has, errors included."""
        origin = first(headers, b"origin")
        vary = [] if self._any else [(b"vary", b"Origin")]
        if not origin or not self._allows(origin):
            return vary
        if self._any:
            allowed = [(b"access-control-allow-origin", b"*")]
        else:
            allowed = [(b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true")]
        return [*allowed, (b"access-control-expose-headers", EXPOSED_HEADERS), *vary]

    def _allows(self, origin: bytes) -> bool:
        return self._any or origin in self._origins
