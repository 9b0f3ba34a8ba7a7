"""RecordQueue: rendered records between those who log and the shipper's thread. Bounded; putting never waits."""

import threading
from collections import deque

from libs.telemetry.losses import Losses

MAX_RECORDS = 10_000
MAX_BYTES = 16 * 1024 * 1024
BATCH_RECORDS = 500
BATCH_BYTES = 256 * 1024


class RecordQueue:
    """Two lanes, so that DEBUG records go first when there is no room; a batch takes from both in order."""

    def __init__(self, losses: Losses, *, max_records: int = MAX_RECORDS, max_bytes: int = MAX_BYTES) -> None:
        """Hold at most so many records and bytes; what does not fit is counted in `losses`."""
        self._losses = losses
        self._max_records = max_records
        self._max_bytes = max_bytes
        # Reentrant: a finalizer or a signal handler may log while this very thread is putting.
        self._lock = threading.RLock()
        self._debug: deque[tuple[int, bytes]] = deque()
        self._other: deque[tuple[int, bytes]] = deque()
        self._number = 0
        self._bytes = 0
        self.arrived = threading.Event()
        self.ready = threading.Event()

    def __len__(self) -> int:
        """Count the records."""
        return len(self._debug) + len(self._other)

    @property
    def is_half_full(self) -> bool:
        """Say whether it is time to make room."""
        return len(self) * 2 >= self._max_records or self._bytes * 2 >= self._max_bytes

    def put(self, line: bytes, *, debug: bool = False) -> None:
        """Add a record; where there is no room the oldest DEBUG record goes, else the oldest."""
        with self._lock:
            self._number += 1
            (self._debug if debug else self._other).append((self._number, line))
            self._bytes += len(line)
            while len(self) > self._max_records or self._bytes > self._max_bytes:
                self._evict()
        if not self.arrived.is_set():
            self.arrived.set()
        if (len(self) >= BATCH_RECORDS or self._bytes >= BATCH_BYTES) and not self.ready.is_set():
            self.ready.set()

    def take(self) -> list[bytes]:
        """Take the oldest records, as many as a batch holds."""
        taken: list[bytes] = []
        size = 0
        with self._lock:
            while len(taken) < BATCH_RECORDS and (lane := self._older_lane()):
                size += len(lane[0][1])
                if taken and size > BATCH_BYTES:
                    break
                taken.append(lane.popleft()[1])
                self._bytes -= len(taken[-1])
            if not len(self):
                self.arrived.clear()
            if len(self) < BATCH_RECORDS and self._bytes < BATCH_BYTES:
                self.ready.clear()
        return taken

    def _older_lane(self) -> deque[tuple[int, bytes]]:
        if self._debug and self._other:
            return self._debug if self._debug[0][0] < self._other[0][0] else self._other
        return self._debug or self._other

    def _evict(self) -> None:
        _number, line = (self._debug or self._other).popleft()
        self._bytes -= len(line)
        self._losses.add("queue_full", 1)
