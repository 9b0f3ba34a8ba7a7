"""The bounded queue between log calls and the shipper: putting never blocks, and what is dropped is counted."""

import threading
from collections import deque
from typing import NamedTuple

from libs.telemetry.batches import MAX_BYTES, MAX_RECORDS

#: The bounds: a burst of about a second, and never a danger to the process.
CAPACITY = 10_000
CAPACITY_BYTES = 16 * 1024 * 1024


class Entry(NamedTuple):
    """A record's line, its place in time, and whether it may be dropped first (DEBUG)."""

    number: int
    line: bytes
    droppable: bool


class Buffer:
    """Lines in order. When it is full DEBUG goes first, then the oldest; the lock is held for moments only."""

    def __init__(self, capacity: int = CAPACITY, capacity_bytes: int = CAPACITY_BYTES) -> None:
        """Hold up to `capacity` lines and `capacity_bytes` bytes."""
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._lock = threading.Lock()
        self._debug: deque[Entry] = deque()
        self._other: deque[Entry] = deque()
        self._number = 0
        self._bytes = 0
        self._dropped = 0
        self.filled = threading.Event()

    def __len__(self) -> int:
        """Count the lines held."""
        return len(self._debug) + len(self._other)

    def put(self, line: bytes, *, droppable: bool) -> None:
        """Add a line; make room where there is none."""
        with self._lock:
            self._number += 1
            (self._debug if droppable else self._other).append(Entry(self._number, line, droppable))
            self._bytes += len(line)
            while len(self) > self._capacity or self._bytes > self._capacity_bytes:
                self._drop_one()
            if len(self) >= MAX_RECORDS or self._bytes >= MAX_BYTES:
                self.filled.set()

    def take(self) -> list[bytes]:
        """Take the next batch's worth of lines, the oldest first."""
        lines: list[bytes] = []
        size = 0
        with self._lock:
            while len(self) and len(lines) < MAX_RECORDS and size < MAX_BYTES:
                entry = self._oldest().popleft()
                lines.append(entry.line)
                size += len(entry.line)
            self._bytes -= size
            if len(self) < MAX_RECORDS and self._bytes < MAX_BYTES:
                self.filled.clear()
        return lines

    def take_dropped(self) -> int:
        """Give the number of lines dropped since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def _oldest(self) -> deque[Entry]:
        if not self._debug or not self._other:
            return self._debug or self._other
        return self._debug if self._debug[0].number < self._other[0].number else self._other

    def _drop_one(self) -> None:
        entry = (self._debug or self._other).popleft()
        self._bytes -= len(entry.line)
        self._dropped += 1
