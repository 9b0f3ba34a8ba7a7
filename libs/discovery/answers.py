"""Answer: what a service said to a ServiceClient."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.contracts import errors
from libs.contracts.errors import FieldError, ServiceError

_BY_STATUS: dict[int, type[ServiceError]] = {
    kind.status: kind
    for kind in (
        errors.BadRequest,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.NotFound,
        errors.Conflict,
        errors.Gone,
        errors.PreconditionFailed,
        errors.PayloadTooLarge,
        errors.ValidationFailed,
        errors.PreconditionRequired,
        errors.TooManyRequests,
        errors.BadGateway,
        errors.Unavailable,
        errors.DeadlineExceeded,
    )
}
_STANDARD = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower-case names, repeated ones joined) and body of an HTTP answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """Parse the body."""
        return json.loads(self.body)

    def raise_for_status(self) -> "Answer":
        """Give the answer itself, or raise what its problem document says as a ServiceError."""
        if self.status < 400:
            return self
        raise self.error()

    def error(self) -> ServiceError:
        """Make the ServiceError of the problem document; a plain one where the body is something else."""
        fallback = errors.BadRequest if self.status < 500 else errors.BadGateway
        kind = _BY_STATUS.get(self.status, fallback)
        problem = self._problem()
        return kind(
            str(problem.get("detail", "") or f"The service answered {self.status}."),
            code=problem.get("code") or None,
            errors=[FieldError(**each) for each in problem.get("errors", ())],
            retry_after=self._retry_after(),
            extra={name: value for name, value in problem.items() if name not in _STANDARD},
        )

    def _problem(self) -> dict[str, Any]:
        if not self.headers.get("content-type", "").startswith("application/problem+json"):
            return {}
        document = self.json()
        return document if isinstance(document, dict) else {}

    def _retry_after(self) -> int | None:
        text = self.headers.get("retry-after", "")
        return int(text) if text.isdigit() else None
