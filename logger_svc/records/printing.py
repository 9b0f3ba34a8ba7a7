"""Records as coloured lines for a terminal."""

from django.core.management.color import Style

from logger_svc.records.levels import NAMES
from logger_svc.records.models import Record

STYLES = {10: "HTTP_INFO", 20: "HTTP_SUCCESS", 30: "WARNING", 40: "ERROR", 50: "ERROR"}


def line(record: Record, style: Style) -> str:
    """Write one record: when, how bad, who, what, and the attributes. Control characters can't reach the terminal."""
    shown = record.as_json()
    paint = getattr(style, STYLES[record.level])
    level = paint(f"{NAMES[record.level]:<8}")
    attributes = " ".join(f"{name}={value!r}" for name, value in shown["attributes"].items())
    text = f"{record.instance:<16} {record.message} {attributes}".rstrip()
    request = f" [{record.request_id}]" if record.request_id else ""
    return f"{shown['time'][:23]} {level} {_visible(text)}{_visible(request)}"


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
