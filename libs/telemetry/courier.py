"""Courier: the thread that delivers batches: the one in hand at once, those on disk oldest first."""

import threading
import time

import structlog

from libs.contracts.errors import ServiceError
from libs.telemetry.batch import Batch, Sink
from libs.telemetry.losses import Losses
from libs.telemetry.outlet import mark_shipping
from libs.telemetry.pace import Pace
from libs.telemetry.spool import Spool

log = structlog.get_logger(__name__)

#: Answers that will be the same next time: the batch is refused, not the moment.
REFUSALS = frozenset((400, 413, 415, 422))
#: So many failures in a row are worth a line: fewer are a start or a change of instances.
WORTH_A_LINE = 3


class Courier:
    """Holds at most one batch in memory; while the sink fails or is slow, everything is on disk."""

    def __init__(self, sink: Sink, spool: Spool, losses: Losses, pace: Pace) -> None:
        """Deliver to `sink`; `start` begins."""
        self._sink = sink
        self._spool = spool
        self._losses = losses
        self._pace = pace
        self._lock = threading.Lock()
        self._hand: Batch | None = None
        self._rescued = False
        self._taken = 0.0
        self._failures = 0
        self._adopt_at = 0.0
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._stopping = threading.Event()
        #: Set while no batch is in hand.
        self.free = threading.Event()
        self.free.set()
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
            self.free.clear()
        self._wake.set()
        return True

    def rescue(self, *, now: bool = False) -> None:
        """Put the batch in hand on disk, too, where the sink takes long. Arriving twice does no harm."""
        with self._lock:
            is_late = now or time.monotonic() - self._taken >= self._pace.rescue_after
            if self._hand is not None and not self._rescued and is_late:
                self._spool.append(self._hand)
                self._rescued = True

    def wake(self) -> None:
        """Look now whether there is something on disk."""
        self._wake.set()

    def hurry(self) -> None:
        """End a pause: the sink is said to be back."""
        self._hurry.set()

    def stop(self, timeout: float) -> None:
        """End after the batch in hand; one that takes longer than `timeout` stays on disk."""
        self._stopping.set()
        self._hurry.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        self.rescue(now=True)

    def _run(self) -> None:
        mark_shipping()
        while True:
            try:
                self._deliver_hand()
                self._adopt()
                self._deliver_spool()
            except Exception:
                log.exception("shipping logs failed; it goes on")
                self._pause(self._pace.min_pause)
            if self._stopping.is_set() and not self.is_busy:
                return
            if not self.is_busy:
                self._wake.wait(max(0.0, self._adopt_at - time.monotonic()))
                self._wake.clear()

    def _adopt(self) -> None:
        if time.monotonic() >= self._adopt_at:
            self._adopt_at = time.monotonic() + self._pace.until_adoption()
            self._spool.adopt()

    def _deliver_hand(self) -> None:
        batch = self._hand
        if batch is None:
            return
        pause = self._send(batch)
        with self._lock:
            if pause and not self._rescued:
                self._spool.append(batch)
            self._hand = None
            self.free.set()
        self._pause(pause)

    def _deliver_spool(self) -> None:
        while not self._stopping.is_set() and (found := self._spool.oldest()):
            segment, parcel = found
            pause = self._send(parcel.batch)
            if not pause:
                self._spool.delivered(segment, parcel)
            self._pause(pause)

    def _pause(self, seconds: float) -> None:
        if seconds and self._hurry.wait(seconds) and not self._stopping.is_set():
            self._hurry.clear()

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
        if self._failures >= WORTH_A_LINE:
            log.warning("logs are shipped again", failures=self._failures)
        self._failures = 0
        return 0.0

    def _failed(self, error: Exception, retry_after: int | None) -> float:
        self._failures += 1
        if self._failures == WORTH_A_LINE:
            log.warning("logs can't be shipped and are kept on disk", error=str(error))
        return float(retry_after) if retry_after else self._pace.pause(self._failures)
