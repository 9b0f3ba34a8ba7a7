"""PostgresStore: one partition per UTC day of arrival, in the database of this service. Any number of Loggers write.

The row of `logger_head` gives out ids. Whoever commits holds its lock until the commit, so ids appear in order and
without holes, whichever Logger writes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from logger_svc.records import fulltext
from logger_svc.records.errors import QueryTooSlow
from logger_svc.records.models import COLUMNS, Batch, Bounds, Filters, Position, Record, Source
from logger_svc.records.stores.conditions import Conditions
from logger_svc.records.stores.counting import counts

MAX_SECONDS = 5
QUERY_CANCELED = "57014"
#: A Logger that drops a day waits no longer than this for readers (seconds), and tries again later.
LOCK_SECONDS = 5

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM logger_records"  # noqa: S608
_INSERT = f"""
INSERT INTO logger_records ({", ".join(COLUMNS)}, day, words)
VALUES ({", ".join(["%s"] * len(COLUMNS))}, %s, to_tsvector('simple', %s))
"""  # noqa: S608
_REMEMBER = """
INSERT INTO logger_batches (service, instance, boot, sequence, day) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_COUNT_SOURCE = """
INSERT INTO logger_sources AS known (day, service, instance, count, last) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (day, service, instance)
DO UPDATE SET count = known.count + excluded.count, last = greatest(known.last, excluded.last)
"""
_SOURCES = """
SELECT service, instance, sum(count)::bigint, max(last) FROM logger_sources GROUP BY 1, 2 ORDER BY 1, 2
"""
_PARTITIONS = """
SELECT child.relname, pg_total_relation_size(child.oid) FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
WHERE inhparent = 'logger_records'::regclass ORDER BY child.relname
"""


class PostgresStore:
    """Keeps records in the service's database."""

    def __init__(self) -> None:
        """Need nothing: migrations have made the tables."""
        self._days: set[date] = set()

    def write(self, batches: Sequence[Batch], *, now: datetime) -> list[bool]:
        """Store all batches in one transaction."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                return self._write(cursor, batches, now.date())
        except BaseException:
            self._days.clear()  # the partition may be what is missing
            raise
        finally:
            connection.close()

    def search(self, filters: Filters, *, limit: int, after: Position | None = None) -> list[Record]:
        """Find records, the newest first."""
        conditions = _conditions(filters)
        conditions.behind(after, "%s")
        return _records(f"{conditions.where()} ORDER BY time DESC, id DESC LIMIT %s", [*conditions.params, limit])

    def follow(self, filters: Filters, *, after: int, upto: int, limit: int) -> list[Record]:
        """Find records in the order of commits."""
        conditions = _conditions(filters)
        conditions.add("id > %s AND id <= %s", after, upto)
        return _records(f"{conditions.where()} ORDER BY id LIMIT %s", [*conditions.params, limit])

    def bounds(self) -> Bounds:
        """Tell which ids there are."""
        with _reading() as cursor:
            cursor.execute("SELECT (SELECT min(id) FROM logger_records), last FROM logger_head")
            first, last = cursor.fetchone()
        return Bounds(last + 1 if first is None else first, last)

    def sources(self) -> list[Source]:
        """Add up who has written on all days."""
        with _reading() as cursor:
            cursor.execute(_SOURCES)
            return [Source(*row) for row in cursor.fetchall()]

    def prune(self, *, now: datetime, days: int, max_bytes: int) -> list[str]:
        """Drop partitions that are too old, then the oldest while all are too large; the newest always stays."""
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                return _prune(cursor, now.date() - timedelta(days=days), max_bytes)
        finally:
            connection.close()

    def close(self) -> None:
        """Give this thread's connection back."""
        connection.close()

    def _write(self, cursor: CursorWrapper, batches: Sequence[Batch], day: date) -> list[bool]:
        cursor.execute("SELECT last FROM logger_head FOR UPDATE")
        last = cursor.fetchone()[0]
        self._ensure_partition(cursor, day)
        fresh = [_remember(cursor, batch, day) for batch in batches]
        new = [record for batch, is_new in zip(batches, fresh, strict=True) if is_new for record in batch.records]
        records = [record._replace(id=number) for number, record in enumerate(new, start=last + 1)]
        if records:
            cursor.executemany(_INSERT, [(*record, day, fulltext.plain(record.words())) for record in records])
            cursor.executemany(_COUNT_SOURCE, [(day, *count) for count in counts(records)])
            cursor.execute("UPDATE logger_head SET last = %s", [records[-1].id])
        return fresh

    def _ensure_partition(self, cursor: CursorWrapper, day: date) -> None:
        if day in self._days:
            return
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {_name(day)} PARTITION OF logger_records "
            f"FOR VALUES FROM ('{day.isoformat()}') TO ('{(day + timedelta(days=1)).isoformat()}')"
        )
        connection.on_commit(lambda: self._days.add(day))


def _remember(cursor: CursorWrapper, batch: Batch, day: date) -> bool:
    if batch.key is None:
        return True
    cursor.execute(_REMEMBER, [*batch.key, day])
    return bool(cursor.rowcount == 1)


def _conditions(filters: Filters) -> Conditions:
    conditions = Conditions.of(filters, "%s")
    if filters.terms:
        conditions.add("words @@ to_tsquery('simple', %s)", fulltext.tsquery(filters.terms))
    return conditions


@contextmanager
def _reading() -> Iterator[CursorWrapper]:
    """Give a cursor for one query, which may not run for ever."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{MAX_SECONDS}s'")
            yield cursor
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == QUERY_CANCELED:
            raise QueryTooSlow from error
        raise


def _records(clauses: str, params: Sequence[Any]) -> list[Record]:
    with _reading() as cursor:
        cursor.execute(f"{_SELECT} {clauses}", params)
        return [Record(*row) for row in cursor.fetchall()]


def _prune(cursor: CursorWrapper, before: date, max_bytes: int) -> list[str]:
    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    cursor.execute(_PARTITIONS)
    partitions = [(str(name), int(size)) for name, size in cursor.fetchall()]
    dropped = []
    while len(partitions) > 1 and (
        partitions[0][0] <= _name(before) or sum(size for _, size in partitions) > max_bytes
    ):
        name = partitions.pop(0)[0]
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        dropped.append(name)
    if dropped:
        kept = date.fromisoformat(partitions[0][0].rpartition("_")[2])
        cursor.execute("DELETE FROM logger_sources WHERE day < %s", [kept])
        cursor.execute("DELETE FROM logger_batches WHERE day < %s", [kept])
    return dropped


def _name(day: date) -> str:
    return f"logger_records_{day:%Y%m%d}"
