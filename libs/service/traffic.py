"""What a service says of the requests it takes: `TRAFFIC` in its settings, `traffic.*` in its registration's metadata.

The gateway holds to it, and its operator may overrule it (MT_GATEWAY_SERVICES):

timeout         seconds that the service gets to answer, retry included
max_body        bytes of a request's body
max_in_flight   requests that one gateway process has there at a time
rate            requests of one user, such as "600/minute"; "off" is no limit of this service's own
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, cast

#: How the keys are called in a registration's metadata.
PREFIX = "traffic."

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
OFF = "off"
MAX_QUOTA = 1_000_000
MIN_TIMEOUT, MAX_TIMEOUT = 0.1, 3600.0


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests (`quota`) in so many seconds (`window`)."""

    quota: int
    window: int

    def __str__(self) -> str:
        """Write it as it is read."""
        unit = next((unit for unit, seconds in UNITS.items() if seconds == self.window), f"{self.window} s")
        return f"{self.quota}/{unit}"

    @classmethod
    def parse(cls, value: object) -> "Rate | None":
        """Read "600/minute", or None from "off"; ValueError says what to write."""
        if value == OFF:
            return None
        count, slash, unit = value.partition("/") if isinstance(value, str) else ("", "", "")
        quota = int(count) if count.isascii() and count.isdecimal() else 0
        if not slash or unit not in UNITS or not 1 <= quota <= MAX_QUOTA:
            raise ValueError(
                f"write a count from 1 to {MAX_QUOTA} per second, minute, hour or day, as 600/minute, or {OFF}"
            )
        return cls(quota, UNITS[unit])


class Traffic(TypedDict, total=False):
    """What was declared, read; what was not is not there."""

    timeout: float
    max_body: int
    max_in_flight: int
    rate: Rate | None


def read(declared: object) -> tuple[Traffic, list[str]]:
    """Read a declaration, whose values may be texts: give what is right in it, and say of each other thing why not."""
    if not isinstance(declared, Mapping):
        return Traffic(), [f"{declared!r} is wrong: write an object with {', '.join(_READERS)}"]
    found: dict[str, Any] = {}
    wrong = []
    for key, value in declared.items():
        if key not in _READERS:
            wrong.append(f"there is no {key!r}: write {', '.join(_READERS)}")
            continue
        try:
            found[key] = _READERS[key](value)
        except ValueError as error:
            wrong.append(f"{key}: {value!r} is wrong: {error}")
    return cast("Traffic", found), wrong


def to_metadata(declared: Mapping[str, object]) -> dict[str, str]:
    """Write a declaration as entries of a registration's metadata."""
    return {f"{PREFIX}{key}": str(value) for key, value in declared.items()}


def from_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Find the declaration in an instance's metadata; what only a later version knows is left out."""
    return {key: metadata[PREFIX + key] for key in _READERS if PREFIX + key in metadata}


def _seconds(value: object) -> float:
    try:
        seconds = 0.0 if isinstance(value, bool) else float(cast("Any", value))
    except (TypeError, ValueError):
        seconds = 0.0
    if not MIN_TIMEOUT <= seconds <= MAX_TIMEOUT:
        raise ValueError(f"write a number from {MIN_TIMEOUT:g} to {MAX_TIMEOUT:g}")
    return seconds


def _count(value: object) -> int:
    text = "" if isinstance(value, bool) else str(value)
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise ValueError("write a whole number from 1")
    return int(text)


_READERS: dict[str, Callable[[object], object]] = {
    "timeout": _seconds,
    "max_body": _count,
    "max_in_flight": _count,
    "rate": Rate.parse,
}
