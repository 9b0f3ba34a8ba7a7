"""Reading: the dashboard's own records, and what it asks of Logger and Events."""

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from admin_svc.dashboard.models import LoginFailure, Transition
from admin_svc.dashboard.sources.base import source

PAGE = 200
TIMELINE_PAGES = 5
LOGIN_WINDOW = timedelta(minutes=5)
#: How many failures within the window close the door, for which part of a sign-in.
LOGIN_LIMITS = ((("username", "address"), 5), (("address",), 30), (("username",), 50))


def transitions(*, service: str = "", instance: str = "", limit: int = 20) -> QuerySet[Transition]:
    """List the newest state changes, of one instance or of all."""
    wanted = {name: value for name, value in (("service", service), ("instance", instance)) if value}
    return Transition.objects.filter(**wanted)[:limit]


def login_retry_after(*, username: str, address: str) -> int:
    """Give the seconds for which this sign-in stays closed; 0 where it is open."""
    since = timezone.now() - LOGIN_WINDOW
    given = {"username": username, "address": address}
    waits = [0]
    for parts, limit in LOGIN_LIMITS:
        failures = LoginFailure.objects.filter(at__gt=since, **{part: given[part] for part in parts})
        decisive = failures.order_by("-at").values_list("at", flat=True)[limit - 1 : limit].first()
        if decisive is not None:
            waits.append(ceil((decisive - since).total_seconds()))
    return max(waits)


def session_is_valid(*, session_key: str, user_id: int) -> bool:
    """Say whether a session still is one of an active member of staff."""
    session = Session.objects.filter(session_key=session_key, expire_date__gt=timezone.now()).first()
    if session is None or str(session.get_decoded().get("_auth_user_id")) != str(user_id):
        return False
    return _is_staff(user_id)


def logs_page(*, filters: Mapping[str, str], cursor: str = "", limit: int = PAGE) -> dict[str, Any]:
    """Give a page of log records, the newest first, as Logger answers it."""
    params: dict[str, str | int] = {**filters, "limit": limit}
    if cursor:
        params["cursor"] = cursor
    answer: dict[str, Any] = source().get("logger", "/v1/logs", params)
    return answer


def log_sources() -> list[dict[str, Any]]:
    """List the services and instances that have written logs."""
    answer: dict[str, Any] = source().get("logger", "/v1/logs/services")
    return list(answer.get("items", []))


def request_records(*, request_id: str) -> list[dict[str, Any]]:
    """Give all log records of one request in order of time, at most five pages."""
    found: list[dict[str, Any]] = []
    cursor = ""
    for _page in range(TIMELINE_PAGES):
        answer = logs_page(filters={"request_id": request_id}, cursor=cursor)
        found += answer["items"]
        cursor = answer.get("next_cursor") or ""
        if not cursor:
            break
    return sorted(found, key=lambda record: str(record.get("time", "")))


def _is_staff(user_id: int) -> bool:
    return User.objects.filter(pk=user_id, is_active=True, is_staff=True).exists()
