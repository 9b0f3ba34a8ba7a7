"""The watchdog: ends a worker that no longer works, so that its supervisor starts a new one.

Celery workers have stopped consuming after a reconnect without dying (celery #8030, #9054, #10205), and a solo worker
has no time limits. The ledger of Events sends again what such a worker held.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from billiard import active_children
from celery import Celery
from celery.worker import state

log = structlog.get_logger(__name__)

PATIENCE = 75.0
EVERY = 5.0
EXIT_CODE = 75  # EX_TEMPFAIL: start me again


@dataclass(slots=True)
class Stall:
    """Tells for how long there has been work without progress."""

    progress: int = -1
    since: float | None = None

    def seconds(self, *, now: float, progress: int, work: bool) -> float:
        """Take the look of `now`: how many tasks were begun so far, and whether any waits or runs."""
        if not work or progress != self.progress:
            self.progress, self.since = progress, now if work else None
        elif self.since is None:
            self.since = now
        return 0.0 if self.since is None else now - self.since


class Watchdog:
    """A thread of the worker's main process."""

    def __init__(self, app: Celery, queues: Sequence[str], end: Callable[[], None] | None = None) -> None:
        """Watch `queues`; `end` is what happens to a worker that stalls."""
        self._app, self._queues = app, queues
        self._end = end or end_process
        self._stall = Stall()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(EVERY)
            self.look()

    def look(self) -> None:
        """End the worker where nothing was finished for PATIENCE seconds though there was work all the time."""
        waiting = self._waiting()
        if waiting is None:  # the broker is away: that is not the worker's fault
            self._stall = Stall()
            return
        work = waiting > 0 or bool(state.active_requests)
        stalled = self._stall.seconds(now=time.monotonic(), progress=state.all_total_count[0], work=work)
        if stalled > PATIENCE:
            log.error("no task was finished though there is work: the worker ends", seconds=round(stalled))
            self._end()

    def _waiting(self) -> int | None:
        connection = self._app.connection_for_read()
        faults: tuple[type[BaseException], ...] = (*connection.connection_errors, *connection.channel_errors, OSError)
        try:
            with connection:
                channel: Any = connection.channel()
                return sum(int(channel.queue_declare(name, passive=True).message_count) for name in self._queues)
        except faults:
            return None


def end_process() -> None:
    """End this process and its children at once: whatever they hold is stuck."""
    for child in active_children():
        child.terminate()
    os._exit(EXIT_CODE)
