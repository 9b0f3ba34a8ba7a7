"""The interface of a log store.

Ids are 1, 2, 3 … in the order of commits, across days: a reader that has seen id n has seen, or could have seen,
everything up to n. That makes a tail a cursor, and a missing range a visible gap.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from logger_svc.records.models import Batch, Bounds, Filters, Position, Record, Source


class Store(Protocol):
    """Keeps records by the day of their arrival."""

    def write(self, batches: Sequence[Batch], *, now: datetime) -> list[bool]:
        """Store all batches in one transaction; False for a batch whose key is stored already."""

    def search(self, filters: Filters, *, limit: int, after: Position | None = None) -> list[Record]:
        """Find records, the newest first, behind the place `after`."""

    def follow(self, filters: Filters, *, after: int, upto: int, limit: int) -> list[Record]:
        """Find records with after < id <= upto, in the order of commits."""

    def bounds(self) -> Bounds:
        """Tell which ids there are."""

    def sources(self) -> list[Source]:
        """List who has written, by service and instance."""

    def prune(self, *, now: datetime, days: int, max_bytes: int) -> list[str]:
        """Drop the oldest days; name what was dropped."""

    def close(self) -> None:
        """Give everything back."""
