"""Moments as people type them."""

import re
from datetime import UTC, datetime, timedelta

from django.core.management.base import CommandError
from django.utils import timezone

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(option: str, text: str) -> datetime:
    """Read a moment (in UTC where it names no zone), or an age such as 15m; CommandError names the option."""
    age = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if age:
        return timezone.now() - timedelta(**{UNITS[age[2]]: int(age[1])})
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{option}: {text!r} is neither a time such as 2026-11-23T10:00:00Z nor an age") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
