"""When a task is due, in the three forms a client may send; they are stored as given.

    {"date": "2026-11-23"}                                          a whole day, the same wherever one is
    {"local": "2026-11-23T09:00", "timezone": "Europe/Berlin"}      a time on the clocks of a place
    {"local": "2026-11-23T09:00", "floating": true}                 a time on the clock of whoever looks

`instant` gives the moment by which tasks are sorted and filtered: days begin, and floating times are read, in UTC.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from libs.contracts.errors import FieldError, ValidationFailed

Due = dict[str, Any]

FORMS = (frozenset({"date"}), frozenset({"local", "timezone"}), frozenset({"local", "floating"}))
MEMBERS = frozenset({"date", "local", "timezone", "floating"})
FIRST_YEAR, LAST_YEAR = 1900, 2999

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?", re.ASCII)


@cache
def zones() -> frozenset[str]:
    """Give the names of all time zones (IANA), as this machine knows them."""
    return frozenset(available_timezones())


def problems(due: Mapping[str, Any]) -> list[FieldError]:
    """Name all that is wrong with a due; pointers are relative to it, such as `/timezone`."""
    unknown = [FieldError(f"/{name}", "unknown_field", "unknown field") for name in due if name not in MEMBERS]
    return unknown or list(_wrong_members(due)) or list(_wrong_form(due))


def checked(due: Mapping[str, Any] | None) -> Due | None:
    """Give a due that is valid; ValidationFailed with pointers from the task otherwise."""
    if due is None:
        return None
    found = problems(due)
    if found:
        errors = [FieldError(f"/due{error.pointer}", error.code, error.detail) for error in found]
        raise ValidationFailed("; ".join(f"{error.pointer}: {error.detail}" for error in errors), errors=errors)
    return dict(due)


def patched(due: Due | None, patch: Mapping[str, Any] | None) -> Due | None:
    """Apply a merge patch (RFC 7396). A patch that is a complete due of another form replaces what is there."""
    if patch is None:
        return None
    merged = {name: value for name, value in {**(due or {}), **patch}.items() if value is not None}
    if problems(merged) and not problems(patch):
        return dict(patch)
    return checked(merged)


def instant(due: Due | None) -> datetime | None:
    """Give the moment of a valid due. A local time that the clocks skip is read as before the change (RFC 5545)."""
    if due is None:
        return None
    if "date" in due:
        return start_of(date.fromisoformat(due["date"]))
    zone = ZoneInfo(due["timezone"]) if "timezone" in due else UTC
    return datetime.fromisoformat(due["local"]).replace(tzinfo=zone).astimezone(UTC)


def start_of(day: date) -> datetime:
    """Give the beginning of a day in UTC."""
    return datetime.combine(day, time.min, UTC)


def end_of(day: date) -> datetime:
    """Give the last moment of a day in UTC."""
    return datetime.combine(day, time.max, UTC)


def _wrong_members(due: Mapping[str, Any]) -> Iterator[FieldError]:
    if "date" in due and not _is_time(due["date"], DATE):
        yield FieldError("/date", "invalid_date", "a date like 2026-11-23")
    if "local" in due and not _is_time(due["local"], LOCAL):
        yield FieldError("/local", "invalid_local", "a time without offset like 2026-11-23T09:00:00")
    if "timezone" in due and not (isinstance(due["timezone"], str) and due["timezone"] in zones()):
        yield FieldError("/timezone", "unknown_timezone", "a time zone of the IANA database like Europe/Berlin")
    if "floating" in due and due["floating"] is not True:
        yield FieldError("/floating", "not_true", "true, or left out")


def _wrong_form(due: Mapping[str, Any]) -> Iterator[FieldError]:
    given = frozenset(due)
    if given in FORMS:
        return
    if given == {"local"}:
        yield FieldError("/timezone", "required", "a local time needs a timezone, or floating: true")
    elif given and "local" not in given and "date" not in given:
        yield FieldError("/local", "required", "a local time is needed")
    else:
        yield FieldError("", "invalid_form", "either date, or local and timezone, or local and floating: true")


def _is_time(value: object, form: re.Pattern[str]) -> bool:
    if not isinstance(value, str) or not form.fullmatch(value):
        return False
    try:
        return FIRST_YEAR <= datetime.fromisoformat(value).year <= LAST_YEAR
    except ValueError:
        return False
