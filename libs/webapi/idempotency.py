"""Idempotency-Key: the same request sent again gives the first answer again and has no second effect.

The key's row is committed first, with a lease of 60 s. The answer is stored in the transaction of the effect, so both
are there or neither. A crash in between leaves a lease that lapses, and the next try runs. Two tries that both believe
to hold the lease cannot both commit: storing the answer demands the lease that the try took (a fencing token). So the
gateway's next attempt of a request may take a lease over at once: who held it gave no answer, and likely died.
Terms and header names follow draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from libs.contracts.errors import BadRequest, Conflict, ValidationFailed
from libs.webapi import problem
from libs.webapi.authentication import call_of
from libs.webapi.models import IdempotencyKey
from libs.webapi.prepared import insert, stored
from libs.webapi.renderers import JSONRenderer, ProblemRenderer

LEASE = timedelta(seconds=60)
KEEP = timedelta(hours=24)
MAX_LENGTH = 255
PURGE_EVERY = 3600.0
KEPT_HEADERS = ("Location", "ETag", "Link", "Content-Type")

_purged_at = 0.0
_STORE = (
    "UPDATE webapi_idempotencykey SET status = %s, headers = %s, body = %s "
    "WHERE scope = %s AND status IS NULL AND locked_until = %s"
)


def key_of(request: Request) -> str | None:
    """Give the Idempotency-Key of a POST or PATCH, or None; BadRequest where it is empty or too long."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY") if request.method in ("POST", "PATCH") else None
    if key is None:
        return None
    if not 1 <= len(key.strip()) <= MAX_LENGTH:
        raise BadRequest(f"an Idempotency-Key has 1 to {MAX_LENGTH} characters", code="invalid_idempotency_key")
    return str(key.strip())


def run(key: str, request: Request, handler: Callable[[], Any]) -> HttpResponseBase:
    """Run `handler` once for this key, or answer what it answered before."""
    _purge()
    body_hash = salted_hmac(__name__, request.body, algorithm="sha256").hexdigest()  # a body may hold a password
    row = _claim(_scope(key, request, body_hash), body_hash, repeated=call_of(request).attempt > 0)
    if row.status is not None:
        return _replay(row)
    try:
        with transaction.atomic():
            response: HttpResponseBase = handler()
            _store(row, response.status_code, _kept(response), _rendered(response))
    except Exception as exc:
        _settle_failure(row, exc, request)
        raise
    return response


def _scope(key: str, request: Request, body_hash: str) -> str:
    call = call_of(request)
    inside = "" if call.route else call.caller.service  # from outside the caller is the gateway, for everybody
    caller = call.principal.user_id if call.principal else inside or body_hash
    return hashlib.sha256("\0".join([caller, request.method or "", request.path, key]).encode()).hexdigest()


def _claim(scope: str, body_hash: str, *, repeated: bool) -> IdempotencyKey:
    """Insert the key's row, or take the one that is there: answered, or held by nobody any more."""
    now = timezone.now()
    try:
        with transaction.atomic():
            row = IdempotencyKey(scope=scope, body_hash=body_hash, locked_until=now + LEASE, expires_at=now + KEEP)
            insert(row)
            return row
    except IntegrityError:
        row = IdempotencyKey.objects.get(scope=scope)
    if row.expires_at <= now:
        row.delete()
        return _claim(scope, body_hash, repeated=repeated)
    if row.body_hash != body_hash:
        raise ValidationFailed("this Idempotency-Key came with another body before", code="idempotency_key_reused")
    if row.status is None:
        _take_over(row, now, at_once=repeated)
    return row


def _take_over(row: IdempotencyKey, now: datetime, *, at_once: bool) -> None:
    lease = now + LEASE
    unchanged = IdempotencyKey.objects.filter(scope=row.scope, status=None, locked_until=row.locked_until)
    is_held = row.locked_until > now and not at_once
    if is_held or not unchanged.update(locked_until=lease):
        raise Conflict("the first request with this key still runs", code="idempotency_key_in_use", retry_after=1)
    row.locked_until = lease


def _store(row: IdempotencyKey, status: int, headers: dict[str, str], body: bytes) -> None:
    row.headers, row.body = headers, body
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [status, *stored(row, "headers", "body", "scope", "locked_until")])
        is_mine = cursor.rowcount == 1
    if not is_mine:
        raise Conflict("another request with this key took over", code="idempotency_key_in_use", retry_after=1)


def _settle_failure(row: IdempotencyKey, exc: Exception, request: Request) -> None:
    """Keep a refusal as the answer; forget the key of a failure, and of what another try may change.

    That is a refusal which says when to try again, and a session that has ended: the user may have a new one.
    """
    error = problem.service_error(exc)
    if error.status >= 500 or error.status == 401 or error.retry_after is not None:
        IdempotencyKey.objects.filter(scope=row.scope, status=None, locked_until=row.locked_until).delete()
        return
    body = ProblemRenderer().render(problem.document(error, request))
    _store(row, error.status, {"Content-Type": problem.CONTENT_TYPE, **problem.headers(error)}, body)


def _replay(row: IdempotencyKey) -> HttpResponse:
    headers = {**row.headers, "Idempotency-Replayed": "true"}
    return HttpResponse(bytes(row.body), status=row.status, headers=headers)


def _rendered(response: HttpResponseBase) -> bytes:
    data = getattr(response, "data", None)
    return b"" if data is None else JSONRenderer().render(data)


def _kept(response: HttpResponseBase) -> dict[str, str]:
    kept = {name: response[name] for name in KEPT_HEADERS if response.has_header(name)}
    kept["Content-Type"] = str(JSONRenderer.media_type)
    return kept


def _purge() -> None:
    """Delete expired keys, at most once an hour in each process."""
    global _purged_at  # noqa: PLW0603  (one clock per process)
    if time.monotonic() - _purged_at > PURGE_EVERY:
        _purged_at = time.monotonic()
        IdempotencyKey.objects.filter(expires_at__lte=timezone.now()).delete()
