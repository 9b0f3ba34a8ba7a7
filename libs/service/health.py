"""The health of this process: itself and its own database, never other services."""

import threading
import time
from dataclasses import dataclass
from typing import Literal

from django.db import DatabaseError, connection

Status = Literal["passing", "warning", "critical"]

#: How long an answer is reused (seconds), so that probes cannot load the database.
FRESH = 1.0


@dataclass(frozen=True, slots=True)
class Health:
    """A status word, and what is wrong for those who may know."""

    status: Status
    detail: str = ""


class _Probe:
    """Asks the database at most once a second, whoever asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[Health, float] | None = None

    def __call__(self) -> Health:
        with self._lock:
            if self._known is None or time.monotonic() - self._known[1] > FRESH:
                self._known = (self._ask(), time.monotonic())
            return self._known[0]

    def _ask(self) -> Health:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError as error:
            return Health("critical", f"database: {error}")
        finally:
            connection.close()
        return Health("passing")


health = _Probe()


def serving() -> tuple[bool, str]:
    """Give the health in the form that the gRPC server takes."""
    now = health()
    return now.status != "critical", now.detail
