"""What the gateway itself refuses. What services answer passes unchanged.

ServiceError
├── BadRequest
│   └── BadHost            400
├── InvalidToken           401  an access token that does not verify, or whose session ended
├── NoRoute                404  no service has registered the path
├── MethodNotAllowed       405  TRACE and others that nobody serves
└── BadAnswer              502  a service's answer is not valid HTTP
"""

from libs.contracts.errors import BadGateway, BadRequest, NotFound, ServiceError, Unauthenticated


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
