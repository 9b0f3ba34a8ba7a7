"""What the gateway itself refuses. What services answer passes unchanged.

ServiceError
├── BadRequest
│   ├── BadHost            400
│   └── BadTimeout         400  X-Request-Timeout is no positive number
├── InvalidToken           401  an access token that does not verify, or whose session ended
├── NoRoute                404  no service has registered the path
├── MethodNotAllowed       405  TRACE and others that nobody serves
├── LengthRequired         411  a large body whose length is not declared
├── RateLimited            429  a user, token or address sends more than its limit; `headers` tell of the limits
├── BadAnswer              502  a service's answer is not valid HTTP
└── Unavailable
    ├── Overloaded         503  a service has as many requests of this gateway as it may have
    └── CircuitOpen        503  a service gave no answer to most of its last requests
"""

from collections.abc import Sequence

from libs.contracts.errors import (
    BadGateway,
    BadRequest,
    NotFound,
    ServiceError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)


class BadHost(BadRequest):
    """The Host header is missing, repeated or malformed."""

    code = "bad_host"


class InvalidToken(Unauthenticated):
    """The access token is not valid (any more)."""

    code = "invalid_token"


class NoRoute(NotFound):
    """No service answers this path."""

    code = "no_route"


class MethodNotAllowed(ServiceError):
    """The gateway does not carry this method."""

    status = 405
    code = "method_not_allowed"


class BadAnswer(BadGateway):
    """The service gave no valid answer."""


class BadTimeout(BadRequest):
    """X-Request-Timeout is no number of seconds above 0."""

    code = "bad_timeout"


class LengthRequired(ServiceError):
    """A body of this size needs a Content-Length."""

    status = 411
    code = "length_required"


class Overloaded(Unavailable):
    """The service has too much to do."""

    code = "overloaded"


class CircuitOpen(Unavailable):
    """The service does not answer now."""

    code = "circuit_open"


class RateLimited(TooManyRequests):
    """There are too many requests from you."""

    code = "rate_limited"

    def __init__(self, policies: Sequence[str], *, retry_after: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Name the limits that are spent; `headers` go onto the answer."""
        self.headers = headers
        super().__init__(retry_after=retry_after, extra={"retryable": True, "violated-policies": list(policies)})
