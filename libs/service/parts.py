"""Parts: what a process runs beside its doors, such as a relay or a sweeper. Named by dotted path in the settings."""

from collections.abc import Iterable
from typing import Protocol

import structlog
from django.utils.module_loading import import_string

log = structlog.get_logger(__name__)


class Part(Protocol):
    """Something with a thread of its own. `start` returns at once; `stop` returns when the thread has ended."""

    def start(self) -> None:
        """Begin to work."""

    def stop(self) -> None:
        """Finish what is begun and end."""


class Parts:
    """Several parts, started in order and stopped in reverse."""

    def __init__(self, parts: Iterable[Part]) -> None:
        """Hold `parts`; nothing starts yet."""
        self._parts = list(parts)
        self._started: list[Part] = []

    @classmethod
    def named(cls, paths: Iterable[str]) -> "Parts":
        """Make the parts whose classes are named by dotted path; each is made without arguments."""
        return cls(import_string(path)() for path in paths)

    def start(self) -> None:
        """Start all."""
        for part in self._parts:
            part.start()
            self._started.append(part)

    def stop(self) -> None:
        """Stop what was started, the last first; one that fails does not keep the others running."""
        while self._started:
            part = self._started.pop()
            try:
                part.stop()
            except Exception:
                log.exception("a part did not stop cleanly", part=type(part).__name__)
