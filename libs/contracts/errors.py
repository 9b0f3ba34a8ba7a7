"""The base of every service's errors; one handler per door maps them to HTTP (`libs.webapi`) and gRPC (`libs.rpc`).

ServiceError
├── BadRequest            400  malformed syntax, unknown query parameter or value of one
├── Unauthenticated       401
├── PermissionDenied      403  visible, but not permitted
├── NotFound              404  also for anything the caller may not see
├── Conflict              409  the state of the object forbids it
├── Gone                  410
├── PreconditionFailed    412  a stale If-Match; `current` shows the object as it is
├── PayloadTooLarge       413
├── ValidationFailed      422  a field; `errors` names each
├── PreconditionRequired  428
├── TooManyRequests       429  `retry_after` seconds
├── BadGateway            502
├── Unavailable           503  `retry_after` seconds
└── DeadlineExceeded      504

A service derives its own errors from these in its `errors.py` and gives each a `code` that never changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: `pointer` is a JSON pointer (RFC 6901) into the body, such as `/due/date`."""

    pointer: str
    code: str
    detail: str


class ServiceError(Exception):
    """A refusal with a stable `code`, an HTTP `status` and a `detail` for people. Do not raise it itself."""

    status: ClassVar[int] = 500
    code: str = "internal_error"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Let `code` replace the class's; `extra` adds members to the problem document."""
        self.detail = detail or type(self).default_detail()
        self.code = code or type(self).code
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.extra = dict(extra or {})
        super().__init__(self.detail)

    @classmethod
    def default_detail(cls) -> str:
        """Use the first line of the class's docstring where no detail is given."""
        return (cls.__doc__ or cls.title()).strip().splitlines()[0]

    @classmethod
    def title(cls) -> str:
        """Give the standard phrase of the status, as RFC 9457 asks for `about:blank` types."""
        return HTTPStatus(cls.status).phrase


class BadRequest(ServiceError):
    """The request is malformed."""

    status = 400
    code = "bad_request"


class Unauthenticated(ServiceError):
    """A valid access token is needed."""

    status = 401
    code = "unauthenticated"


class PermissionDenied(ServiceError):
    """You may see this but not do that."""

    status = 403
    code = "permission_denied"


class NotFound(ServiceError):
    """There is no such thing, or you may not see it."""

    status = 404
    code = "not_found"


class Conflict(ServiceError):
    """The state of the object forbids this."""

    status = 409
    code = "conflict"


class Gone(ServiceError):
    """This is not available any more."""

    status = 410
    code = "gone"


class PreconditionFailed(ServiceError):
    """The object has changed since the version named in If-Match."""

    status = 412
    code = "precondition_failed"


class PayloadTooLarge(ServiceError):
    """The body is too large."""

    status = 413
    code = "payload_too_large"


class ValidationFailed(ServiceError):
    """At least one field is not valid."""

    status = 422
    code = "validation_failed"

    @classmethod
    def of(cls, pointer: str, code: str, detail: str) -> "ValidationFailed":
        """Make the error of a single field."""
        return cls(detail, errors=[FieldError(pointer, code, detail)])


class PreconditionRequired(ServiceError):
    """This deployment demands an If-Match header."""

    status = 428
    code = "precondition_required"


class TooManyRequests(ServiceError):
    """Too many requests."""

    status = 429
    code = "too_many_requests"


class BadGateway(ServiceError):
    """The service gave no valid answer."""

    status = 502
    code = "bad_gateway"


class Unavailable(ServiceError):
    """The service is not available now."""

    status = 503
    code = "unavailable"


class DeadlineExceeded(ServiceError):
    """The service did not answer in time."""

    status = 504
    code = "deadline_exceeded"
