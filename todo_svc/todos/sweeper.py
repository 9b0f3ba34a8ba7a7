"""A thread of each instance that erases what is too old in the trash. Any number of instances may sweep at once."""

import threading
from collections.abc import Callable

import structlog
from django.db import connection
from django.utils import timezone

from todo_svc.todos.services.people import invitations_settle
from todo_svc.todos.services.trash import trash_purge

log = structlog.get_logger(__name__)

DAY = 24 * 60 * 60.0


def sweep() -> None:
    """Erase what expired, and accept invitations that were missed."""
    erased, accepted = trash_purge(before=timezone.now()), invitations_settle()
    log.info("swept", erased=erased, accepted=accepted)


class Sweeper:
    """Sweeps at start, and then once a day. One that fails is logged, and comes again the next day."""

    def __init__(self, work: Callable[[], None] = sweep, every: float = DAY) -> None:
        """Take the work and the seconds between two sweeps."""
        self._work = work
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trash-sweeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the sweep that runs."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
            except Exception:
                log.exception("the sweep failed")
            finally:
                connection.close()
            self._stopping.wait(self._every)
