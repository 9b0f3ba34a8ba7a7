"""Problem documents (RFC 9457) without a framework, for the doors below Django."""

import json
from typing import Any

from libs.contracts.errors import BadRequest, ServiceError
from libs.rpc import http_bridge_pb2 as pb

CONTENT_TYPE = "application/problem+json"


class HeadersTooLarge(ServiceError):
    """The header section is too large."""

    status = 431
    code = "headers_too_large"


class InternalError(ServiceError):
    """Something went wrong here; the log has the details under this request id."""


class BadPath(BadRequest):
    """The path is not one that every program reads the same way."""

    code = "bad_path"


def problem_bytes(
    error: ServiceError, *, request_id: str, instance: str, service: str = "", retryable: bool | None = None
) -> bytes:
    """Render `error`; `service` and `retryable` are members of the gateway's own answers."""
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title(),
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
        "request_id": request_id,
    }
    if error.errors:
        members["errors"] = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in error.errors]
    if service:
        members["service"] = service
    if retryable is not None:
        members["retryable"] = retryable
    return json.dumps({**members, **error.extra}, ensure_ascii=False, separators=(",", ":")).encode()


def problem_response(error: ServiceError, *, request_id: str, instance: str) -> pb.Response:
    """Make the whole answer."""
    headers = [("content-type", CONTENT_TYPE)]
    if error.status == 401:
        headers.append(("www-authenticate", "Bearer"))
    if error.retry_after is not None:
        headers.append(("retry-after", str(error.retry_after)))
    return pb.Response(
        status=error.status,
        headers=[pb.Header(name=name, value=value.encode()) for name, value in headers],
        body=problem_bytes(error, request_id=request_id, instance=instance),
    )
