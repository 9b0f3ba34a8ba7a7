"""Filters of the dashboard's templates."""

import json
from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))


@register.filter
def age(at: datetime | None) -> SafeString | str:
    """Render a time whose age the page counts on by itself."""
    if not isinstance(at, datetime):
        return "—"
    stamp = at.isoformat()
    return format_html('<time datetime="{}" title="{}" data-age>{}</time>', stamp, stamp, f"{at:%H:%M:%S}")


@register.filter
def clock(at: datetime | None) -> str:
    """Render a time of day with milliseconds."""
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}" if isinstance(at, datetime) else "—"


@register.filter
def span(seconds: float | None) -> str:
    """Render a length of time with its largest unit."""
    if seconds is None:
        return "—"
    for size, unit in STEPS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


@register.filter
def milliseconds(value: float | None) -> str:
    """Render milliseconds; short ones with one decimal."""
    if value is None:
        return "—"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


@register.filter
def percent(share: float) -> str:
    """Render a share, of which 1 is the whole."""
    return f"{100 * share:.0f} %"


@register.filter
def tone_of_state(state: str) -> str:
    """Colour a state of the journal."""
    return {"up": "good", "down": "bad", "gone": "mute"}.get(state, "warn")


@register.filter
def tone_of_level(level: str) -> str:
    """Colour a log level."""
    return {"error": "bad", "critical": "bad", "warning": "warn", "event": "note"}.get(level, "mute")


@register.filter
def compact(value: object) -> str:
    """Render a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
