"""The part of `serve` that erases due accounts and deletes expired rows. Any number of instances may run it."""

import random
import threading

import structlog
from django.conf import settings
from django.db import connection

from auth_svc.accounts.services import housekeeping, keys

log = structlog.get_logger(__name__)


class Sweeper:
    """A thread that sweeps now and then."""

    def __init__(self) -> None:
        """Make the thread; nothing runs yet."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Make sure that there are keys to sign with and that they can be read, then begin."""
        keys.private_key(keys.keys_ensure())
        self._thread.start()

    def stop(self) -> None:
        """End after the sweep that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                housekeeping.sweep()
            except Exception:
                log.exception("the sweep failed; it is tried again")
            finally:
                connection.close()
            pause = settings.SWEEP_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311  (instances must not march in step)
