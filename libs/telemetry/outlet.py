"""The outlet of this process: a record becomes a line on standard output and, once `ship` was called, is queued.

Two ways lead here: structlog's loggers (`EventLogger`) and the standard library's (`StdlibHandler`).
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from libs.telemetry import context, lines, metrics
from libs.telemetry.lines import Renderer
from libs.telemetry.logfile import STDOUT, LogFile

#: Takes a rendered line, and whether it is a DEBUG record; never waits.
Put: TypeAlias = Callable[[bytes, bool], None]

#: Loggers whose records stay on standard output: they speak of shipping.
OWN = "libs.telemetry"

_unwritten = metrics.counter("mt_log_lines_unwritten", "Log lines that standard output did not take")
_shipping = threading.local()

NEWLINE = 10


@dataclass(slots=True)
class Outlet:
    """What all loggers of this process share."""

    renderer: Renderer
    put: Put | None = None
    level: int = logging.INFO
    #: What standard output is, where this process takes care of it.
    file: LogFile | None = None
    #: Whether the last line was cut, by a full disk: the next one begins a line of its own.
    broke_off: bool = False

    def emit(
        self, level: int, logger: str, message: str, attributes: dict[str, Any], *, created: float | None = None
    ) -> None:
        """Write one record; `exc_info`, request, trace and user may be among its attributes."""
        error = lines.exc_info(attributes.pop("exc_info", None))
        if error is not None:
            attributes |= lines.exception_attributes(error)
        fields = context.peek()
        if not attributes.keys().isdisjoint(context.FIELDS):
            fields = {**fields, **{name: attributes.pop(name) for name in context.FIELDS if name in attributes}}
        when = time.time() if created is None else created
        line = self.renderer.line(when, level, logger, message, attributes, fields)
        self._write(line + b"\n")
        if self.put is not None and not logger.startswith(OWN) and not is_shipping():
            self.put(line, level < logging.INFO)

    def emit_all(self, level: int, logger: str, message: str, records: Sequence[tuple[float, dict[str, Any]]]) -> None:
        """Write records that differ in their time and attributes only, in one piece."""
        render = self.renderer.line
        text: list[bytes] = []
        for created, attributes in records:
            fields = {name: attributes.pop(name, "") for name in context.FIELDS}
            line = render(created, level, logger, message, attributes, fields)
            text += (line, b"\n")
            if self.put is not None:
                self.put(line, level < logging.INFO)
        self._write(b"".join(text))

    def _write(self, text: bytes) -> None:
        data = b"\n" + text if self.broke_off else text
        try:
            size = os.write(STDOUT, data)
        except OSError:
            size = 0
        if size < len(data):
            _unwritten.inc(min(text.count(b"\n"), data.count(b"\n", size)))
        if size:
            self.broke_off = data[size - 1] != NEWLINE
            if self.file is not None:
                self.file.grew(size)


class Current:
    """Holds the process's outlet; there is none before `configure`."""

    outlet: Outlet | None = None


def outlet() -> Outlet:
    """Give this process's outlet."""
    if Current.outlet is None:
        raise RuntimeError("telemetry: call configure() first")
    return Current.outlet


class Series:
    """Records of one kind, for what is written with each request: those of one turn of the event loop go out together.

    A write is a system call, and lets other threads in.
    """

    def __init__(self, level: int, logger: str, message: str) -> None:
        """Write records of `level` as `logger`, from one event loop."""
        self._kind = level, logger, message
        self._loop: asyncio.AbstractEventLoop | None = None
        self._records: list[tuple[float, dict[str, Any]]] = []

    def add(self, attributes: dict[str, Any]) -> None:
        """Write a record at the end of this turn of the loop; request, trace and user may be among its attributes."""
        current = Current.outlet
        if current is None or self._kind[0] < current.level:
            return
        if not self._records:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self.flush)
        self._records.append((time.time(), attributes))

    def flush(self) -> None:
        """Write what is there."""
        records, self._records = self._records, []
        if Current.outlet is not None and records:
            Current.outlet.emit_all(*self._kind, records)


def mark_shipping() -> None:
    """Keep what this thread logs from being shipped: it would feed itself."""
    _shipping.active = True


def is_shipping() -> bool:
    """Say whether this thread ships."""
    return getattr(_shipping, "active", False)


class EventLogger:
    """The end of structlog's chain: takes the event and its attributes."""

    def __init__(self, name: str = "", *_more: Any) -> None:
        """Log as `name`."""
        self.name = name

    def debug(self, /, **event: Any) -> None:
        """Write a DEBUG record."""
        self._emit(logging.DEBUG, event)

    def info(self, /, **event: Any) -> None:
        """Write an INFO record."""
        self._emit(logging.INFO, event)

    def warning(self, /, **event: Any) -> None:
        """Write a WARNING record."""
        self._emit(logging.WARNING, event)

    def error(self, /, **event: Any) -> None:
        """Write an ERROR record."""
        self._emit(logging.ERROR, event)

    def critical(self, /, **event: Any) -> None:
        """Write a CRITICAL record."""
        self._emit(logging.CRITICAL, event)

    warn, exception, fatal = warning, error, critical

    def _emit(self, level: int, event: dict[str, Any]) -> None:
        if Current.outlet is not None:
            message = event.pop("event", "")
            Current.outlet.emit(level, self.name, message if type(message) is str else lines.text_of(message), event)


class StdlibHandler(logging.Handler):
    """The root handler of the standard library's loggers."""

    #: What every LogRecord has; the rest was given as `extra`.
    _STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

    def createLock(self) -> None:  # noqa: N802  (the base class's name)
        """Have no lock: nothing here is shared, and a lock would have to survive forks."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, even one whose arguments don't fit its message."""
        if Current.outlet is None:
            return
        attributes = {name: value for name, value in record.__dict__.items() if name not in self._STANDARD}
        if record.exc_info:
            attributes["exc_info"] = record.exc_info
        Current.outlet.emit(record.levelno, record.name, _message(record), attributes, created=record.created)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  (the caller's mistake must not become its failure)
        return f"{lines.text_of(record.msg)} {lines.text_of(record.args)}"
