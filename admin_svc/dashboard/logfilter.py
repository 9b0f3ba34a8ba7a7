"""The filter of the log page: what an address, a form or a socket may say, in the words of Logger's parameters."""

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

FIELDS = ("service", "instance", "level", "q", "request_id", "trace_id")
LEVELS = ("debug", "info", "warning", "error", "critical")
MAX_LENGTH = 200
SINCE = {
    "15m": ("15 minutes", timedelta(minutes=15)),
    "1h": ("1 hour", timedelta(hours=1)),
    "6h": ("6 hours", timedelta(hours=6)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
}


def log_filter(given: object) -> dict[str, str]:
    """Keep the known fields that are filled in; a level that does not exist is dropped."""
    if not isinstance(given, Mapping):
        return {}
    found = {name: str(given.get(name) or "").strip()[:MAX_LENGTH] for name in FIELDS}
    found["level"] = found["level"].lower() if found["level"].lower() in LEVELS else ""
    return {name: value for name, value in found.items() if value}


def since_time(key: str | None) -> dict[str, str]:
    """Turn a choice such as `15m` into Logger's `since`; nothing for any other."""
    if key not in SINCE:
        return {}
    return {"since": (timezone.now() - SINCE[key][1]).isoformat()}
