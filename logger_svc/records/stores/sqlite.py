"""SqliteStore: one file per UTC day of arrival, or more where a day is large. One process writes, any may read."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from logger_svc.records.errors import StoreBusy
from logger_svc.records.models import Batch, BatchKey, Bounds, Filters, Position, Record, Source
from logger_svc.records.stores import partition
from logger_svc.records.stores.partition import Partition

T = TypeVar("T")

#: A file is at most this part of the whole, so that dropping the oldest keeps most of the logs.
PARTS = 4


class SqliteStore:
    """Keeps records in `folder`."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        """Make the folder; files follow with the first record."""
        self._folder = folder
        self._max_file = max_bytes // PARTS
        self._lock = threading.RLock()
        self._guard: int | None = None
        self._open: dict[Partition, sqlite3.Connection] = {}
        self._active: Partition | None = None
        self._next = 1
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, batches: Sequence[Batch], *, now: datetime) -> list[bool]:
        """Store batches; StoreBusy where another process writes into this folder."""
        with self._lock:
            self._take_guard()
            connection = self._connection(now)
            fresh = self._fresh(batches)
            connection.execute("BEGIN IMMEDIATE")
            try:
                following = partition.insert(
                    connection, [b for b, new in zip(batches, fresh, strict=True) if new], self._next
                )
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            self._next = following
            return fresh

    def search(self, filters: Filters, *, limit: int, after: Position | None = None) -> list[Record]:
        """Find records; a file is skipped where all it has is older than what is found already."""
        found: list[Record] = []
        for one in reversed(Partition.all_in(self._folder)):
            with suppress(FileNotFoundError):
                if len(found) < limit or one.newest_time() >= found[-1].time:
                    found += one.search(filters, limit=limit, after=after)
                    found = sorted(found, key=lambda record: (record.time, record.id), reverse=True)[:limit]
        return found

    def follow(self, filters: Filters, *, after: int, upto: int, limit: int) -> list[Record]:
        """Find records in the order of commits."""
        found: list[Record] = []
        for one in self._between(after, upto):
            with suppress(FileNotFoundError):
                found += one.follow(filters, after=after, upto=upto, limit=limit - len(found))
            if len(found) >= limit:
                break
        return found

    def bounds(self) -> Bounds:
        """Tell which ids there are."""
        partitions = Partition.all_in(self._folder)
        if not partitions:
            return Bounds(1, 0)
        return Bounds(partitions[0].first, partitions[-1].last_id())

    def sources(self) -> list[Source]:
        """Add up who has written in all files."""
        totals: dict[tuple[str, str], Source] = {}
        for source in self._each(Partition.sources):
            for one in source:
                known = totals.get((one.service, one.instance), Source(one.service, one.instance, 0, 0))
                total = Source(one.service, one.instance, known.count + one.count, max(known.last, one.last))
                totals[one.service, one.instance] = total
        return [totals[key] for key in sorted(totals)]

    def prune(self, *, now: datetime, days: int, max_bytes: int) -> list[str]:
        """Delete files that are too old, then the oldest while all are too large; the newest always stays."""
        with self._lock:
            partitions = Partition.all_in(self._folder)
            dropped = []
            while len(partitions) > 1 and (
                partitions[0].day <= (now - timedelta(days=days)).date()
                or sum(one.size() for one in partitions) > max_bytes
            ):
                oldest = partitions.pop(0)
                self._close(oldest)
                oldest.delete()
                dropped.append(oldest.path.name)
            return dropped

    def close(self) -> None:
        """Close all files and let another process write."""
        with self._lock:
            for one in list(self._open):
                self._close(one)
            self._active = None
            if self._guard is not None:
                os.close(self._guard)
                self._guard = None

    def _take_guard(self) -> None:
        if self._guard is not None:
            return
        guard = os.open(self._folder / "writer.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(guard)
            raise StoreBusy(f"another process writes into {self._folder}", retry_after=1) from error
        self._guard = guard

    def _connection(self, now: datetime) -> sqlite3.Connection:
        """Give the connection to the file of today; the day never goes back, so ids and names stay in order."""
        active = self._active or self._resume()
        today = now.date() if active is None else max(now.date(), active.day)
        if active is None or active.day < today or (active.size() > self._max_file and self._next > active.first):
            if active is not None:
                self._close(active)
            active = Partition.create(self._folder, today, self._next)
        self._active = active
        return self._opened(active, write=True)

    def _resume(self) -> Partition | None:
        """Go on in the newest file there is, after a restart."""
        partitions = Partition.all_in(self._folder)
        if not partitions:
            return None
        self._next = partitions[-1].last_id() + 1
        return partitions[-1]

    def _fresh(self, batches: Sequence[Batch]) -> list[bool]:
        seen: set[BatchKey] = set()
        fresh = []
        for batch in batches:
            is_new = batch.key is None or (batch.key not in seen and not self._knows(batch.key))
            fresh.append(is_new)
            if batch.key is not None:
                seen.add(batch.key)
        return fresh

    def _knows(self, key: BatchKey) -> bool:
        return any(partition.knows(self._opened(one), key) for one in reversed(Partition.all_in(self._folder)))

    def _opened(self, one: Partition, *, write: bool = False) -> sqlite3.Connection:
        if one not in self._open:
            self._open[one] = one.connect(write=write)
        return self._open[one]

    def _close(self, one: Partition) -> None:
        connection = self._open.pop(one, None)
        if connection is not None:
            connection.close()

    def _between(self, after: int, upto: int) -> list[Partition]:
        partitions = Partition.all_in(self._folder)
        begun = [one for one in partitions if one.first <= after + 1][-1:]
        return begun + [one for one in partitions if after + 1 < one.first <= upto]

    def _each(self, ask: Callable[[Partition], T]) -> Iterator[T]:
        for one in Partition.all_in(self._folder):
            with suppress(FileNotFoundError):
                yield ask(one)
