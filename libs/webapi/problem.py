"""The one place where errors become HTTP answers: problem+json (RFC 9457) with `code` and `request_id`."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from libs.contracts import errors
from libs.contracts.errors import ServiceError
from libs.identity.principal import ENVIRON_KEY, Call
from libs.webapi.renderers import ProblemRenderer

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_WHEN_BUSY = 1
RETRY_WHEN_FULL = 30


class InternalError(ServiceError):
    """Something went wrong here; the log has the details under this request id."""


class MethodNotAllowed(ServiceError):
    """This resource does not know that method."""

    status = 405
    code = "method_not_allowed"


class UnsupportedMediaType(ServiceError):
    """Send the body as application/json."""

    status = 415
    code = "unsupported_media_type"


def document(error: ServiceError, request: HttpRequest) -> dict[str, Any]:
    """Render `error` as the members of a problem document."""
    call = request.META.get(ENVIRON_KEY)
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title(),
        "status": error.status,
        "detail": error.detail,
        "instance": request.path,
        "code": error.code,
        "request_id": call.request_id if isinstance(call, Call) else "",
    }
    if error.errors:
        members["errors"] = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in error.errors]
    return {**members, **error.extra}


def headers(error: ServiceError) -> dict[str, str]:
    """Give the headers that go with `error`: WWW-Authenticate of a 401, Retry-After where a time is known."""
    result = {}
    if error.status == 401:
        result["WWW-Authenticate"] = 'Bearer error="invalid_token"' if error.code == "invalid_token" else "Bearer"
    if error.retry_after is not None:
        result["Retry-After"] = str(error.retry_after)
    return result


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Answer every exception of a view; what nobody expected is logged and becomes a plain 500 problem."""
    set_rollback()
    request = context["request"]
    error = service_error(exc)
    if isinstance(error, InternalError):
        log.error("unhandled exception", path=request.path, method=request.method, exc_info=exc)
    response = Response(document(error, request), status=error.status, headers=headers(error))
    response.content_type = CONTENT_TYPE
    # Else Django logs each 5xx, intended or not.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    if isinstance(exc, drf.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    request.accepted_renderer = response.accepted_renderer = ProblemRenderer()
    return response


def service_error(exc: Exception) -> ServiceError:  # noqa: PLR0911  (one line per kind of exception)
    """Translate exceptions of Django and DRF into the tree of `libs.contracts.errors`."""
    match exc:
        case ServiceError():
            return exc
        case Http404() | drf.NotFound():
            return errors.NotFound()
        case drf.MethodNotAllowed():
            return MethodNotAllowed()
        case drf.UnsupportedMediaType():
            return UnsupportedMediaType()
        case drf.ParseError() | SuspiciousOperation() if not isinstance(exc, RequestDataTooBig):
            return errors.BadRequest(str(exc))
        case RequestDataTooBig():
            return errors.PayloadTooLarge()
        case DataError():
            return errors.ValidationFailed("a value is outside what can be stored")
        case OperationalError() | sqlite3.OperationalError():
            log.warning("the database is full, busy or away", exc_info=exc)
            return _database_unavailable(exc)
    return InternalError(code="internal_error")


def _database_unavailable(exc: Exception) -> errors.Unavailable:
    cause = exc.__cause__ or exc
    if getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(cause, "sqlstate", "") == "53100":
        return errors.Unavailable("the disk of the database is full", retry_after=RETRY_WHEN_FULL)
    return errors.Unavailable("the database is busy", retry_after=RETRY_WHEN_BUSY)


def plain_response(error: ServiceError, request: HttpRequest) -> HttpResponse:
    """Answer outside of DRF, for Django's own error handlers."""
    body = ProblemRenderer().render(document(error, request))
    return HttpResponse(body, status=error.status, content_type=CONTENT_TYPE, headers=headers(error))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return plain_response(errors.NotFound(), request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return plain_response(errors.BadRequest(), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    return plain_response(InternalError(), request)
