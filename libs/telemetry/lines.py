"""Renders a record as one line of JSON: the same bytes for standard output and for Logger, so it is done once."""

import json
import math
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, TypeAlias

import orjson

from libs.telemetry.context import FIELDS

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]

#: Longer texts are cut (characters), so that the line stays far below what Logger takes.
MAX_MESSAGE = 16 * 1024
MAX_ATTRIBUTES = 32 * 1024
MAX_NAME = 200
MAX_DEPTH = 6

LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str).encode


class Renderer:
    """Renders the records of one instance."""

    def __init__(self, service: str, instance: str) -> None:
        """Put `service` and `instance` into every line."""
        self.service = service
        self.instance = instance

    def line(  # noqa: PLR0917  (the hot path: names cost)
        self,
        created: float,
        level: int,
        logger: str,
        message: str,
        attributes: dict[str, Any],
        fields: Mapping[str, str],
    ) -> bytes:
        """Write one record; nothing that is logged can make this fail."""
        record: dict[str, Any] = {
            "time": timestamp(created),
            "level": level_name(level),
            "service": self.service,
            "instance": self.instance,
            "logger": logger[:MAX_NAME],
            "message": message,
        }
        for name in FIELDS:
            if value := fields.get(name):
                record[name] = text_of(value)[:MAX_NAME]
        if attributes:
            record["attributes"] = attributes
        try:
            line = orjson.dumps(record, default=str)
        except Exception:  # noqa: BLE001  (a circle, half a character, an odd key, a __str__ that fails)
            line = b""
        return line if 0 < len(line) <= MAX_MESSAGE else _careful(record)


def _careful(record: dict[str, Any]) -> bytes:
    """Write a record that is long or odd: what is too long is cut, and what can't be written becomes text."""
    message, attributes = record["message"], record.pop("attributes", {})
    if len(message) > MAX_MESSAGE:
        record["message"] = f"{message[:MAX_MESSAGE]}… (cut)"
    text = _encode(record)
    if attributes:
        text = f'{text[:-1]},"attributes":{_attributes(attributes)}}}'
    return text.encode(errors="replace")


def timestamp(seconds: float) -> str:
    """Write a moment in RFC 3339, in UTC with microseconds."""
    micros = round(seconds * 1_000_000)
    return f"{_second(micros // 1_000_000)}.{micros % 1_000_000:06d}+00:00"


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=64)
def level_name(level: int) -> str:
    """Name a level; one in between has the name of the next lower."""
    return LEVELS[min(max(level // 10 * 10, 10), 50)]


def exc_info(value: Any) -> ExcInfo | None:
    """Make an exception's tuple of what people pass as `exc_info`: True, an exception, a tuple."""
    if isinstance(value, BaseException):
        return type(value), value, value.__traceback__
    if isinstance(value, tuple):
        return value if value[0] is not None else None
    now = sys.exc_info() if value else (None, None, None)
    return now if now[0] is not None else None


def exception_attributes(error: ExcInfo) -> dict[str, str]:
    """Describe an exception in OpenTelemetry's names; of a long trace the end stays, where the cause is."""
    kind, value, trace = error
    stacktrace = "".join(traceback.format_exception(kind, value, trace))
    return {
        "exception.type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        "exception.message": text_of(value)[:MAX_NAME],
        "exception.stacktrace": stacktrace[-MAX_MESSAGE:],
    }


def text_of(value: object) -> str:
    """Give `str(value)`, or what kind of thing it is where that fails."""
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001  (whatever somebody's __str__ raises)
        return f"<{type(value).__name__}: {type(error).__name__} in __str__>"


def _attributes(attributes: dict[str, Any]) -> str:
    try:
        text = orjson.dumps(attributes, default=str).decode()
    except Exception:  # noqa: BLE001  (a circle, NaN, an odd key, a __str__ that fails)
        text = _encode(_plain(attributes, MAX_DEPTH))
    return text if len(text) <= MAX_ATTRIBUTES else _encode({"cut": text[:MAX_ATTRIBUTES]})


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping) and depth:
        return {text_of(name): _plain(item, depth - 1) for name, item in value.items()}
    if isinstance(value, list | tuple) and depth:
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if isinstance(value, bool | int | str | None) else text_of(value)
