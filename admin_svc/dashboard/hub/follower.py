"""One socket's view of a log tail: a bounded buffer, credit by acknowledgement, and gaps instead of growth.

A socket that stops to acknowledge is paused: what it can't take is counted and shown as one gap when it goes on.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]

MAX_ROWS = 5_000  # rows kept for a socket that is slow or paused
FRAME_ROWS = 500  # rows in one message
CREDIT = 3  # messages on their way without an acknowledgement


@dataclass(eq=False)
class Follower:
    """What one socket has still to see. Belongs to one event loop."""

    max_rows: int = MAX_ROWS
    _rows: deque[Row] = field(default_factory=deque)
    _dropped: int = 0
    _sent: int = 0
    _acknowledged: int = 0
    _status: Row | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, rows: Iterable[Row]) -> None:
        """Add rows; the oldest give way where the buffer is full, and are counted."""
        self._rows.extend(rows)
        while len(self._rows) > self.max_rows:
            self._dropped += lost_rows(self._rows.popleft())
        self._ready.set()

    def tell(self, status: Row) -> None:
        """Say how the tail is; only the newest status is kept."""
        self._status = status
        self._ready.set()

    def acknowledge(self, sequence: int) -> None:
        """Take note that the browser has drawn the frame `sequence` and all before it."""
        self._acknowledged = max(self._acknowledged, min(sequence, self._sent))
        self._ready.set()

    async def frame(self) -> Row:
        """Wait for something to send, and for credit to send it."""
        while True:
            if self._status is not None:
                status, self._status = self._status, None
                return status
            if self._has_rows and self._sent - self._acknowledged < CREDIT:
                return self._next_frame()
            self._ready.clear()
            await self._ready.wait()

    @property
    def _has_rows(self) -> bool:
        return bool(self._rows or self._dropped)

    def _next_frame(self) -> Row:
        self._sent += 1
        items: list[Row] = []
        if self._dropped:
            items.append(gap(self._dropped, "This page was paused or too slow"))
            self._dropped = 0
        items += [self._rows.popleft() for _ in range(min(FRAME_ROWS, len(self._rows)))]
        return {"type": "rows", "sequence": self._sent, "items": items}


def gap(count: int | None, reason: str) -> Row:
    """Make the row that stands for missing rows; `count` None where nobody knows how many."""
    return {"gap": {"count": count, "reason": reason}}


def lost_rows(row: Row) -> int:
    """Count how many records a dropped row stood for."""
    return (row["gap"]["count"] or 0) if "gap" in row else 1
