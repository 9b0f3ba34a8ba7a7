"""Settings from the environment: each variable is declared where it is read, with its meaning.

Any `MT_X` may be given as `MT_X_FILE`, the path of a file that holds the value. A value of the wrong form stops the
start with one line that names the variable. Declarations are kept in `DECLARED`; docs/configuration.md is made of them.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class ConfigurationError(Exception):
    """A setting, key or address is missing or wrong; the text names it and is shown as one line."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable: its name, kind, default (as text) and meaning."""

    name: str
    kind: str
    default: str
    help: str


#: All variables declared so far, in order of declaration.
DECLARED: dict[str, Variable] = {}


def raw(name: str) -> str | None:
    """Read `name`, or the file that `<name>_FILE` names; None where neither is set or the value is empty."""
    value = os.environ.get(name)
    path = os.environ.get(f"{name}_FILE")
    if value is not None and path is not None:
        raise ConfigurationError(f"{name} and {name}_FILE are both set: leave one out")
    if path is not None:
        try:
            value = Path(path).read_text().strip()
        except OSError as error:
            raise ConfigurationError(f"{name}_FILE: can't read {path}: {error.strerror}") from None
    return value or None


def declare(name: str, kind: str, default: T, parse: Callable[[str], T], help: str) -> T:  # noqa: A002
    """Declare a variable and give its value: parsed from the environment, or the default."""
    DECLARED[name] = Variable(name, kind, _shown(default), help)
    value = raw(name)
    if value is None:
        return default
    try:
        return parse(value)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {value!r} is wrong: {error}") from None


def text(name: str, default: str = "", *, help: str) -> str:  # noqa: A002
    """Declare a text."""
    return declare(name, "text", default, str, help)


def secret(name: str, *, help: str) -> str:  # noqa: A002
    """Declare a secret: it has no default; empty where it is not set."""
    return declare(name, "secret", "", str, help)


def choice(name: str, default: str, values: Sequence[str], *, help: str) -> str:  # noqa: A002
    """Declare one of `values`, which are in upper case; it may be written in lower case."""

    def parse(value: str) -> str:
        if value.upper() not in values:
            raise ValueError(f"write one of {', '.join(values)}")
        return value.upper()

    return declare(name, f"one of {', '.join(values)}", default, parse, help)


def integer(name: str, default: int, *, minimum: int = 0, maximum: int | None = None, help: str) -> int:  # noqa: A002
    """Declare a whole number from `minimum` to `maximum`."""

    def parse(value: str) -> int:
        number = int(value) if value.lstrip("-").isdecimal() else minimum - 1
        if number < minimum or (maximum is not None and number > maximum):
            raise ValueError(f"write a whole number from {minimum}{'' if maximum is None else f' to {maximum}'}")
        return number

    return declare(name, "a whole number", default, parse, help)


def number(name: str, default: float, *, minimum: float = 0.0, help: str) -> float:  # noqa: A002
    """Declare a number of at least `minimum`."""

    def parse(value: str) -> float:
        with contextlib.suppress(ValueError):
            parsed = float(value)
            if minimum <= parsed < float("inf"):
                return parsed
        raise ValueError(f"write a number from {minimum:g}")

    return declare(name, "a number", default, parse, help)


def boolean(name: str, default: bool, *, help: str) -> bool:  # noqa: A002
    """Declare a yes or no, written 1/0, true/false, yes/no or on/off."""

    def parse(value: str) -> bool:
        lowered = value.lower()
        if lowered not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
            raise ValueError("write true or false")
        return lowered in ("1", "true", "yes", "on")

    return declare(name, "true or false", default, parse, help)


def names(name: str, default: list[str] | None = None, *, help: str) -> list[str]:  # noqa: A002
    """Declare a list, written with commas."""

    def parse(value: str) -> list[str]:
        return [part.strip() for part in value.split(",") if part.strip()]

    return declare(name, "a list with commas", default or [], parse, help)


def path(name: str, default: Path, *, help: str) -> Path:  # noqa: A002
    """Declare a path; a relative one is taken from the working folder."""
    return declare(name, "a path", default, lambda value: Path(value).resolve(), help)


def _shown(default: object) -> str:
    if isinstance(default, list):
        return ",".join(map(str, default))
    if isinstance(default, bool):
        return str(default).lower()
    return str(default)
