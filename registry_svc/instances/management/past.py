"""The history of states, as the Registry's database keeps it."""

import re
from datetime import UTC, datetime, timedelta

from django.core.management.base import CommandError

from registry_svc.instances.models import Transition

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def transitions(
    service: str = "", instance_id: str = "", *, since: datetime | None = None, limit: int | None = None
) -> list[Transition]:  # fmt: skip
    """Give the newest `limit` changes of a type, an instance or all, the newest last."""
    found = Transition.objects.order_by("-at", "-id")
    if service:
        found = found.filter(type=service)
    if instance_id:
        found = found.filter(instance_id=instance_id)
    if since:
        found = found.filter(at__gte=since)
    return list(found[:limit])[::-1]


def moment(text: str, now: datetime) -> datetime:
    """Read a moment, or an age such as 30m; CommandError."""
    age = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if age:
        return now - timedelta(**{UNITS[age[2]]: int(age[1])})
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"--since: {text!r} is neither a moment like 2026-11-23T10:00:00Z nor an age like 30m"
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
