"""The shipper: a thread that sends what was logged, spills it while the sink fails, and delivers it later.

A record is on its way at most FLUSH_EVERY seconds after it was logged. Records still in memory at `kill -9` may be
lost, nothing else. A log call never waits for any of this.
"""

import logging
import os
import random
import threading
import time
from pathlib import Path

from uuid_utils.compat import uuid7

from libs.telemetry.batches import Batch, Sink, compress
from libs.telemetry.buffer import Buffer
from libs.telemetry.records import Origin, to_json_values, to_line
from libs.telemetry.spill import Folder, orphans, trim

FLUSH_EVERY = 0.5
#: While the sink fails, batches gather for longer, so that the spill has few files.
FLUSH_WHILE_FAILING = 2.0
BACKOFF_FIRST, BACKOFF_LAST = 1.0, 30.0
#: How often folders of dead processes are looked for (seconds).
ADOPT_EVERY = 30.0

_shipping = threading.local()


class ShipHandler(logging.Handler):
    """Puts records into the buffer; a record logged by the shipper's own thread goes to stdout alone."""

    def __init__(self, buffer: Buffer) -> None:
        """Fill `buffer`."""
        super().__init__()
        self.buffer = buffer

    def emit(self, record: logging.LogRecord) -> None:
        """Put a record; never blocks and never raises."""
        if getattr(_shipping, "active", False):
            return
        try:
            self.buffer.put(to_line(to_json_values(record)), droppable=record.levelno <= logging.DEBUG)
        except Exception:  # noqa: BLE001  (stdlib's way for handlers: report on stderr, do not raise)
            self.handleError(record)


class Shipper:
    """Sends the records of this process to a sink. Started by `ship`; after a fork the child has its own."""

    def __init__(self, sink: Sink, spill: Path, *, flush_every: float = FLUSH_EVERY) -> None:
        """Send to `sink`, and spill below the folder `spill`; nothing starts yet."""
        self._sink = sink
        self._spill = spill
        self._flush_every = flush_every
        self.buffer = Buffer()
        self.handler = ShipHandler(self.buffer)
        self._begin()

    def _begin(self) -> None:
        self._boot = str(uuid7()).replace("-", "")
        self._sequence = 0
        self._folder: Folder | None = None
        self._waiting = False  # whether the own folder holds batches
        self._backoff = 0.0
        self._retry_at = 0.0
        self._adopt_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-shipper", daemon=True)

    def start(self) -> None:
        """Take records from now on and begin to send."""
        logging.getLogger().addHandler(self.handler)
        os.register_at_fork(after_in_child=self._after_fork)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Send or spill what is left; give up after `timeout` seconds."""
        self._stopping.set()
        self.buffer.filled.set()
        self._thread.join(timeout)
        logging.getLogger().removeHandler(self.handler)

    def _after_fork(self) -> None:
        if self._stopping.is_set():
            return
        self.buffer = self.handler.buffer = Buffer()
        self._begin()
        self._thread.start()

    # -- the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        _shipping.active = True
        while not self._stopping.is_set():
            self.buffer.filled.wait(FLUSH_WHILE_FAILING if self._failing else self._flush_every)
            self._round()
        while len(self.buffer):
            self._round()
        if self._folder is not None:
            self._folder.close()

    def _round(self) -> None:
        """Send what was logged; then, where there is time and the sink is well, what was spilled before."""
        self._note_drops(self.buffer.take_dropped())
        lines = self.buffer.take()
        if lines:
            self._send_or_spill(self._batch(lines))
        if not self._failing and not self._stopping.is_set():
            self._deliver_spilled()

    @property
    def _failing(self) -> bool:
        return time.monotonic() < self._retry_at

    def _batch(self, lines: list[bytes]) -> Batch:
        self._sequence += 1
        return Batch(compress(lines), Origin.instance, self._boot, self._sequence, len(lines))

    def _send_or_spill(self, batch: Batch) -> None:
        # Older batches wait on disk: this one queues behind them, so that order holds.
        if self._failing or self._waiting or not self._send(batch):
            self._store(batch)

    def _send(self, batch: Batch) -> bool:
        try:
            self._sink(batch)
        except Exception as error:  # noqa: BLE001  (whatever a sink raises means: not stored)
            self._backoff = min(max(self._backoff * 2, BACKOFF_FIRST), BACKOFF_LAST)
            self._retry_at = time.monotonic() + self._backoff * random.uniform(0.5, 1.0)  # noqa: S311  (jitter)
            logging.getLogger(__name__).warning("logs can't be delivered: %s", error)
            return False
        self._backoff = 0.0
        return True

    def _store(self, batch: Batch) -> None:
        try:
            if self._own_folder() is not None:
                self._own_folder().write(batch)
                self._waiting = True
                self._note_drops(trim(self._service_folder))
                return
        except OSError as error:
            logging.getLogger(__name__).warning("logs can't be spilled: %s", error)
        self._note_drops(batch.count)

    def _deliver_spilled(self) -> None:
        own = self._own_folder()
        self._waiting = not self._deliver(own)
        if time.monotonic() >= self._adopt_at and not self._waiting:
            self._adopt_at = time.monotonic() + ADOPT_EVERY
            for folder in orphans(self._service_folder, own.path):
                self._deliver(folder)
                folder.close()

    def _deliver(self, folder: Folder) -> bool:
        """Send a folder's batches, the oldest first; tell whether it is empty now."""
        for file in folder.files():
            if not self._send(folder.read(file)):
                return False
            file.unlink(missing_ok=True)
        return True

    @property
    def _service_folder(self) -> Path:
        return self._spill / Origin.service

    def _own_folder(self) -> Folder:
        """Give this process's folder; a second process of the same name gets one of its own."""
        if self._folder is None:
            name = Origin.instance
            self._folder = Folder.take(self._service_folder / name)
            if self._folder is None:
                self._folder = Folder.take(self._service_folder / f"{name}.{os.getpid()}")
        assert self._folder is not None
        return self._folder

    def _note_drops(self, count: int) -> None:
        if count:
            record = logging.LogRecord(__name__, logging.WARNING, "", 0, "log.dropped", (), None)
            record.mt_attributes = {"count": count}
            self.buffer.put(to_line(to_json_values(record)), droppable=False)


def ship(sink: Sink, spill: Path) -> Shipper:
    """Start to send this process's records to `sink`; `spill` is the folder for what can't be sent now."""
    shipper = Shipper(sink, spill)
    shipper.start()
    return shipper
