"""Looper: the thread behind every part of the event bus. It never dies of an error: it waits and goes on."""

import threading
from collections.abc import Callable

import structlog
from django.db import DatabaseError, close_old_connections

from libs.contracts.errors import ServiceError
from libs.discovery import NotInstalled
from libs.eventbus.nudges import Backoff, Nudge
from libs.eventbus.transports.base import TransportError

log = structlog.get_logger(__name__)

#: Somebody else is away: it comes back, and the log needs one line and no stack. So does the Registry's own directory,
#: which is there after its parts have started.
AWAY = (TransportError, ServiceError, DatabaseError, NotInstalled)


class Looper:
    """A thread that runs `step` whenever it is nudged, and anyway when the seconds that `step` gave are over."""

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        *,
        nudge: Nudge | None = None,
        backoff: Backoff | None = None,
        pause: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Make the thread `name`; it starts with `start`, which belongs after any fork.

        After a step no nudge is heeded for the seconds that `pause` gives, so that what comes meanwhile is done in one.
        """
        self._name, self._step = name, step
        self._nudge, self._backoff = nudge or Nudge(), backoff or Backoff()
        self._pause = pause
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the step in progress finish and end the thread."""
        self._stopping.set()
        self._nudge.give()
        if self._thread is not None:
            self._thread.join(timeout=15)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                seconds = self._step()
                self._stopping.wait(self._pause())
                self._nudge.wait(seconds)
                self._backoff.reset()
            except AWAY as error:
                log.warning("waiting for what is away", loop=self._name, error=f"{type(error).__name__}: {error}")
                self._stopping.wait(self._backoff.pause())
            except Exception:
                log.exception("a step failed", loop=self._name)
                self._stopping.wait(self._backoff.pause())
            finally:
                close_old_connections()
