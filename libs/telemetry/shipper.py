"""Shipper: takes what the outlet puts in the queue and brings it to a sink, in batches.

queue   bounded, in memory; putting never waits
thread  log-collector   makes a batch of 500 records, 256 KiB or 500 ms, and hands it to the courier or to the disk
thread  log-courier     delivers, waits while the sink fails, adopts what dead processes left

A forked child begins anew: own queue, own boot id, threads started by its first record.
"""

import atexit
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4
from weakref import WeakSet

import structlog

from libs.telemetry.batch import Batch, Sink
from libs.telemetry.courier import Courier
from libs.telemetry.lines import Renderer
from libs.telemetry.losses import Losses
from libs.telemetry.outlet import OWN, mark_shipping, outlet
from libs.telemetry.pace import Pace
from libs.telemetry.queue import RecordQueue
from libs.telemetry.spool import CAP, Spool

log = structlog.get_logger(__name__)

_shippers: "WeakSet[Shipper]" = WeakSet()


def ship(sink: Sink, spill: Path) -> "Shipper":
    """Bring every record from now on to `sink`, by way of the folder `spill` where it fails."""
    renderer = outlet().renderer
    shipper = Shipper(sink, spill, renderer)
    outlet().put = shipper.put
    atexit.register(shipper.stop, 1.0)
    return shipper


class Shipper:
    """The shipping of one process."""

    def __init__(self, sink: Sink, spill: Path, renderer: Renderer, *, cap: int = CAP, pace: Pace = Pace()) -> None:  # noqa: B008  (frozen)
        """Prepare; the threads start at once, in a forked child with its first record."""
        self._sink = sink
        self._spill = spill
        self._renderer = renderer
        self._cap = cap
        self._pace = pace
        self._begin()
        self._start()
        _shippers.add(self)

    def _begin(self) -> None:
        self.boot = uuid4().hex
        self.losses = Losses()
        self.queue = RecordQueue(self.losses)
        self.spool = Spool(
            self._spill, self._renderer.service, self._renderer.instance, self.boot, self.losses, cap=self._cap
        )
        self.courier = Courier(self._sink, self.spool, self.losses, self._pace)
        self._sequence = 0
        self._started = False
        self._start_lock = threading.Lock()
        self._stopping = threading.Event()
        self._collector = threading.Thread(target=self._collect, name="log-collector", daemon=True)

    def _start(self) -> None:
        with self._start_lock:
            if not self._started and not self._stopping.is_set():
                self._started = True
                self._collector.start()
                self.courier.start()

    def put(self, line: bytes, debug: bool) -> None:
        """Take a record; never waits. After `stop` it is not taken."""
        if self._stopping.is_set():
            return
        self.queue.put(line, debug=debug)
        if not self._started:
            self._start()

    def wake(self) -> None:
        """Try again now: the sink is said to be back."""
        self.courier.hurry()

    def stop(self, timeout: float) -> None:
        """Deliver what is there within `timeout` seconds, and leave the rest on disk."""
        if self._stopping.is_set():
            return
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self.queue.arrived.set()
        self.queue.ready.set()
        if self._collector.is_alive():
            self._collector.join(timeout)
        self._empty_queue(deadline)
        self.courier.stop(max(0.0, deadline - time.monotonic()))
        self.spool.close()
        atexit.unregister(self.stop)

    def after_fork(self) -> None:
        """Begin anew in a forked child; what the queue holds is the parent's."""
        self.spool.forget()
        self._begin()

    def _collect(self) -> None:
        mark_shipping()
        while not self._stopping.is_set():
            self.queue.arrived.wait()
            self.queue.ready.wait(self._pace.linger)
            try:
                self._make_way()
            except Exception:
                log.exception("collecting logs failed; it goes on")

    def _make_way(self) -> None:
        """Hand one batch on; where the courier has no hand free, wait for it as long as memory may hold records."""
        if self.courier.is_busy and not self._stopping.is_set() and not self.queue.is_half_full:
            self.courier.free.wait(self._pace.rescue_after)
        self.courier.rescue()
        if not self._stopping.is_set():
            self._hand_on(self.courier.offer)

    def _empty_queue(self, deadline: float) -> None:
        while len(self.queue):
            self.courier.free.wait(max(0.0, deadline - time.monotonic()))
            self._hand_on(self.courier.offer)

    def _hand_on(self, offer: Callable[[Batch], bool]) -> None:
        lines = self.queue.take()
        if lines:
            batch = self._batch(lines)
            if not offer(batch):
                self.spool.append(batch)
                self.courier.wake()

    def _batch(self, lines: list[bytes]) -> Batch:
        self._sequence += 1
        reports = 0
        if self.losses:
            attributes = self.losses.take()
            reports = int(attributes["count"])
            lines.append(self._renderer.line(time.time(), 30, OWN, "log.dropped", attributes, {}))
        return Batch.of(
            lines, instance=self._renderer.instance, boot=self.boot, sequence=self._sequence, reports=reports
        )


def _after_fork() -> None:
    for shipper in list(_shippers):
        shipper.after_fork()


os.register_at_fork(after_in_child=_after_fork)
