"""Acknowledgements: what became of deliveries, told to Events in tasks that carry whatever is ready."""

import json
import threading
from collections.abc import Sequence
from typing import Any

import structlog

from libs.contracts.names import QUEUE_ACKS, TASK_ACKNOWLEDGE
from libs.eventbus.batches import split
from libs.eventbus.loops import Looper
from libs.eventbus.nudges import Nudge
from libs.eventbus.signing import Message
from libs.eventbus.transports import TransportError, transport

log = structlog.get_logger(__name__)

#: After sending, so long is waited for more (seconds), unless FULL results are there: a task with one result costs
#: Events more than the event itself, and only the next event of the same aggregate waits for it.
GATHER = 0.15
FULL = 20
IDLE = 60.0


class Acknowledgements:
    """A Part of the worker. Before its start and after its end all that it gets goes out at once."""

    def __init__(self) -> None:
        """Start empty, and without the thread."""
        self._lock = threading.Lock()
        self._results: list[dict[str, Any]] = []
        self._nudge = Nudge()
        self._looper: Looper | None = None

    def start(self) -> None:
        """Start the thread."""
        self._looper = Looper("acknowledgements", self._step, nudge=self._nudge, pause=lambda: GATHER)
        self._looper.start()

    def stop(self) -> None:
        """End the thread and send what is left."""
        looper, self._looper = self._looper, None
        if looper is not None:
            looper.stop()
        self.send()

    def add(self, results: Sequence[dict[str, Any]]) -> None:
        """Take results; those that are lost on the way make Events send again, and the inbox knows them then."""
        with self._lock:
            self._results += results
            full = len(self._results) >= FULL
        if full or self._looper is None:
            self.send()
        else:
            self._nudge.give()

    def send(self) -> None:
        """Send what is there."""
        with self._lock:
            results, self._results = self._results, []
        try:
            for batch in split(results, lambda result: len(json.dumps(result))):
                transport().send(Message.sealed(TASK_ACKNOWLEDGE, QUEUE_ACKS, {"results": batch}))
        except TransportError as error:
            log.warning("results could not be sent; Events will ask again", count=len(results), error=str(error))

    def _step(self) -> float:
        self.send()
        return IDLE


#: Those of this process.
ACKNOWLEDGEMENTS = Acknowledgements()
