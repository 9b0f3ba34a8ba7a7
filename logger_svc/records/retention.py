"""The part of `serve` that drops old logs."""

import random
import threading
from datetime import UTC, datetime

import structlog

from logger_svc.records.services import records_prune

log = structlog.get_logger(__name__)

PAUSE = 60.0


class Retention:
    """A thread that looks once a minute. Any number of instances may run it."""

    def __init__(self, pause: float = PAUSE) -> None:
        """Make the thread; nothing runs yet."""
        self._pause = pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                dropped = records_prune(now=datetime.now(UTC))
                if dropped:
                    log.info("old logs are dropped", dropped=dropped)
            except Exception:
                log.exception("retention failed; it is tried again")
            self._stopping.wait(self._pause * random.uniform(0.8, 1.2))  # noqa: S311  (not in step with others)
