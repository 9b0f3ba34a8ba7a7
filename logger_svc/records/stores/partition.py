"""One SQLite file: records of a day (or of a part of it), their words, who wrote them, and which batches came.

The name says it all: `2026-11-23.000000000000042.sqlite3` holds the records from id 42 on that arrived that day.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from logger_svc.records import fulltext
from logger_svc.records.errors import QueryTooSlow
from logger_svc.records.models import COLUMNS, Batch, BatchKey, Filters, Position, Record, Source
from logger_svc.records.stores import wordsearch
from logger_svc.records.stores.conditions import Conditions
from logger_svc.records.stores.counting import counts

SUFFIX = ".sqlite3"
#: A query that runs longer is given up (seconds).
MAX_SECONDS = 5.0

SCHEMA = """
CREATE TABLE records (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, level INTEGER NOT NULL, service TEXT NOT NULL,
    instance TEXT NOT NULL, logger TEXT NOT NULL, message TEXT NOT NULL, request_id TEXT NOT NULL,
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, user_id TEXT NOT NULL, attributes TEXT NOT NULL
);
CREATE INDEX records_time ON records (time);
CREATE INDEX records_service ON records (service, time);
CREATE INDEX records_warning ON records (time) WHERE level >= 30;
CREATE INDEX records_request ON records (request_id, time) WHERE request_id <> '';
CREATE INDEX records_trace ON records (trace_id, time) WHERE trace_id <> '';
CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0);
CREATE TABLE marks (id INTEGER PRIMARY KEY, latest INTEGER NOT NULL);
CREATE TABLE sources (
    service TEXT, instance TEXT, count INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (service, instance)
) WITHOUT ROWID;
CREATE TABLE boots (id INTEGER PRIMARY KEY, service TEXT, instance TEXT, boot TEXT, UNIQUE (service, instance, boot));
CREATE TABLE batches (boot INTEGER, sequence INTEGER, PRIMARY KEY (boot, sequence)) WITHOUT ROWID;
"""
_INSERT = f"INSERT INTO records ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM records"  # noqa: S608
_COUNT_SOURCE = """
INSERT INTO sources (service, instance, count, last) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count, last = max(last, excluded.last)
"""
_MARK = "INSERT INTO marks SELECT ?, max(?, coalesce((SELECT latest FROM marks ORDER BY id DESC LIMIT 1), 0))"
_FIND_BATCH = """
SELECT 1 FROM batches JOIN boots ON boots.id = batches.boot
WHERE service = ? AND instance = ? AND boots.boot = ? AND sequence = ?
"""


@dataclass(frozen=True, order=True, slots=True)
class Partition:
    """A file by its name; files in order of their names are in order of their ids."""

    day: date
    first: int
    path: Path

    @classmethod
    def all_in(cls, folder: Path) -> "list[Partition]":
        """List the files of a folder, the oldest first."""
        return sorted(cls.at(path) for path in folder.glob(f"????-??-??.*{SUFFIX}"))

    @classmethod
    def at(cls, path: Path) -> "Partition":
        """Read the name of a file."""
        day, first = path.name.removesuffix(SUFFIX).split(".")
        return cls(date.fromisoformat(day), int(first), path)

    @classmethod
    def create(cls, folder: Path, day: date, first: int) -> "Partition":
        """Make a file; it gets its name when it is complete, so nobody sees half a schema."""
        final = folder / f"{day.isoformat()}.{first:015}{SUFFIX}"
        draft = folder / "new.draft"
        _unlink(draft)  # of a process that died right here
        connection = sqlite3.connect(draft)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(SCHEMA)
        connection.close()
        draft.rename(final)
        return cls.at(final)

    def size(self) -> int:
        """Count the bytes on disk, with the write-ahead log."""
        files = [self.path.with_name(self.path.name + more) for more in ("", "-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def delete(self) -> None:
        """Remove the file; those who read it just now may finish."""
        _unlink(self.path)

    def connect(self, *, write: bool = False) -> sqlite3.Connection:
        """Open the file; FileNotFoundError where it has been dropped."""
        try:
            connection = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode=rw",
                uri=True,
                timeout=20,
                isolation_level=None,
                check_same_thread=False,
            )
            connection.execute("PRAGMA synchronous=NORMAL" if write else "PRAGMA query_only=ON")
        except sqlite3.OperationalError as error:
            if self.path.exists():
                raise
            raise FileNotFoundError(self.path) from error
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one query, which may not run for ever."""
        connection = self.connect()
        give_up = time.monotonic() + MAX_SECONDS
        connection.set_progress_handler(lambda: int(time.monotonic() > give_up), 10_000)
        try:
            yield connection
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise QueryTooSlow from error
            raise
        finally:
            connection.close()

    def search(self, filters: Filters, *, limit: int, after: Position | None) -> list[Record]:
        """Find records, the newest first."""
        conditions = Conditions.of(filters, "?")
        conditions.behind(after, "?")
        with self.reading() as connection:
            if filters.terms:
                ids = wordsearch.newest(connection, filters, conditions, limit)
                conditions = Conditions([f"id IN ({', '.join('?' * len(ids))})"], list(ids))
            order = f"{conditions.where()} ORDER BY time DESC, id DESC LIMIT ?"
            return _records(connection, order, [*conditions.params, limit])

    def follow(self, filters: Filters, *, after: int, upto: int, limit: int) -> list[Record]:
        """Find records in the order of commits."""
        with self.reading() as connection:
            conditions = Conditions.of(filters, "?")
            conditions.texts.insert(0, "id > ? AND id <= ?")
            conditions.params[:0] = [after, upto]
            if filters.terms:
                text = "id IN (SELECT rowid FROM words WHERE words MATCH ? AND rowid > ? AND rowid <= ?)"
                conditions.add(text, fulltext.fts5(filters.terms), after, upto)
            return _records(connection, f"{conditions.where()} ORDER BY id LIMIT ?", [*conditions.params, limit])

    def newest_time(self) -> int:
        """Give the latest time of a record, 0 where there is none."""
        with self.reading() as connection:
            return int(connection.execute("SELECT coalesce(max(time), 0) FROM records").fetchone()[0])

    def last_id(self) -> int:
        """Give the newest id; the one before its first where it is empty."""
        with self.reading() as connection:
            found = connection.execute("SELECT max(id) FROM records").fetchone()[0]
        return self.first - 1 if found is None else int(found)

    def sources(self) -> list[Source]:
        """List who has written."""
        with self.reading() as connection:
            return [Source(*row) for row in connection.execute("SELECT service, instance, count, last FROM sources")]


def knows(connection: sqlite3.Connection, key: BatchKey) -> bool:
    """Say whether a batch is stored in this file."""
    return connection.execute(_FIND_BATCH, key).fetchone() is not None


def insert(connection: sqlite3.Connection, batches: Sequence[Batch], first: int) -> int:
    """Add the records of `batches` with ids from `first` on, and give the next id. The caller has a transaction."""
    records = [record for batch in batches for record in batch.records]
    numbered = [record._replace(id=number) for number, record in enumerate(records, start=first)]
    connection.executemany(_INSERT, numbered)
    connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", ((r.id, r.words()) for r in numbered))
    connection.executemany(_COUNT_SOURCE, counts(numbered))
    if numbered:
        connection.execute(_MARK, (numbered[-1].id, max(record.time for record in numbered)))
    for batch in batches:
        if batch.key:
            _remember(connection, batch.key)
    return first + len(numbered)


def _unlink(path: Path) -> None:
    for more in ("", "-wal", "-shm"):
        path.with_name(path.name + more).unlink(missing_ok=True)


def _remember(connection: sqlite3.Connection, key: BatchKey) -> None:
    connection.execute("INSERT OR IGNORE INTO boots (service, instance, boot) VALUES (?, ?, ?)", key[:3])
    connection.execute(
        "INSERT INTO batches SELECT id, ? FROM boots WHERE service = ? AND instance = ? AND boot = ?",
        (key.sequence, *key[:3]),
    )


def _records(connection: sqlite3.Connection, clauses: str, params: Sequence[object]) -> list[Record]:
    return [Record(*row) for row in connection.execute(f"{_SELECT} {clauses}", params)]
