"""Courier: the thread that delivers batches: the one in hand at once, those on disk oldest first."""

import random
import threading
import time

import structlog

from libs.contracts.errors import ServiceError
from libs.telemetry.batch import Batch, Sink
from libs.telemetry.losses import Losses
from libs.telemetry.outlet import mark_shipping
from libs.telemetry.spool import Spool

log = structlog.get_logger(__name__)

MIN_PAUSE = 1.0
MAX_PAUSE = 30.0
#: How often an idle courier looks for folders of dead processes (seconds).
ADOPT_EVERY = 10.0
#: A batch in memory for longer than this is also put on disk (seconds): that much may be lost at kill -9.
RESCUE_AFTER = 0.5
#: Answers that will be the same next time: the batch is refused, not the moment.
REFUSALS = frozenset((400, 413, 415, 422))


class Courier:
    """Holds at most one batch in memory; while the sink fails or is slow, everything is on disk."""

    def __init__(self, sink: Sink, spool: Spool, losses: Losses) -> None:
        """Deliver to `sink`; `start` begins."""
        self._sink = sink
        self._spool = spool
        self._losses = losses
        self._lock = threading.Lock()
        self._hand: Batch | None = None
        self._rescued = False
        self._taken = 0.0
        self._failures = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self.idle = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-courier", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Say whether a batch is in hand."""
        return self._hand is not None

    def offer(self, batch: Batch) -> bool:
        """Take a batch to deliver it at once; not while another is in hand or older ones wait on disk."""
        with self._lock:
            if self._hand is not None or self._stopping.is_set() or not self._spool.is_empty:
                return False
            self._hand, self._rescued, self._taken = batch, False, time.monotonic()
            self.idle.clear()
        self._wake.set()
        return True

    def rescue(self, older_than: float = RESCUE_AFTER) -> None:
        """Put the batch in hand on disk, too, where the sink takes long. Arriving twice does no harm."""
        with self._lock:
            if self._hand is not None and not self._rescued and time.monotonic() - self._taken >= older_than:
                self._spool.append(self._hand)
                self._rescued = True

    def wake(self) -> None:
        """Look now whether there is something on disk."""
        self._wake.set()

    def stop(self, timeout: float) -> None:
        """End after the batch in hand; one that takes longer than `timeout` stays on disk."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        self.rescue(older_than=0.0)

    def _run(self) -> None:
        mark_shipping()
        while True:
            try:
                self._deliver_hand()
                self._spool.adopt()
                self._deliver_spool()
            except Exception:
                log.exception("shipping logs failed; it goes on")
                self._stopping.wait(MIN_PAUSE)
            if self._stopping.is_set() and not self.is_busy:
                return
            if not self.is_busy:
                self.idle.set()
                self._wake.wait(ADOPT_EVERY * random.uniform(0.5, 1.5))  # noqa: S311  (not in step with others)
                self._wake.clear()

    def _deliver_hand(self) -> None:
        batch = self._hand
        if batch is None:
            return
        pause = self._send(batch)
        with self._lock:
            if pause and not self._rescued:
                self._spool.append(batch)
            self._hand = None
        self._stopping.wait(pause)

    def _deliver_spool(self) -> None:
        while not self._stopping.is_set() and (found := self._spool.oldest()):
            segment, parcel = found
            pause = self._send(parcel.batch)
            if pause:
                self._stopping.wait(pause)
            else:
                self._spool.delivered(segment, parcel)

    def _send(self, batch: Batch) -> float:
        """Try to deliver; give the seconds to wait before the next try, 0 where the batch is done with."""
        try:
            self._sink(batch)
        except ServiceError as error:
            if error.status in REFUSALS:
                log.error("logs were refused", count=batch.count, detail=error.detail)  # noqa: TRY400
                self._losses.add("refused", batch.at_stake)
                return 0.0
            return self._failed(error, error.retry_after)
        except Exception as error:  # noqa: BLE001  (whatever a sink raises means: not delivered)
            return self._failed(error, None)
        if self._failures:
            log.warning("logs are shipped again", failures=self._failures)
        self._failures = 0
        return 0.0

    def _failed(self, error: Exception, retry_after: int | None) -> float:
        if not self._failures:
            log.warning("logs can't be shipped and are kept on disk", error=str(error))
        self._failures += 1
        if retry_after:
            return retry_after * random.uniform(1.0, 1.2)  # noqa: S311
        ceiling = min(MAX_PAUSE, MIN_PAUSE * 2.0 ** min(self._failures, 10))
        return random.uniform(MIN_PAUSE, ceiling)  # noqa: S311
