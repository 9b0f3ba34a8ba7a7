"""Finds the newest records with certain words in one SQLite file.

FTS5 gives matches by id, the order of commits. That is nearly, but not quite, the order of time: a batch that waited on
its sender's disk comes late. So matches are read from the newest id down, and `marks` (the latest time of all records
up to an id) tells when nothing that is still to come can be newer than what is found already.
"""

import heapq
import sqlite3

from logger_svc.records import fulltext
from logger_svc.records.models import Filters
from logger_svc.records.stores.conditions import Conditions

CHUNK = 1_000

_MATCHES = "SELECT records.time, records.id FROM words CROSS JOIN records ON records.id = words.rowid"


def newest(connection: sqlite3.Connection, filters: Filters, conditions: Conditions, limit: int) -> list[int]:
    """Give the ids of the newest records that match the words and all `conditions`."""
    where = " AND ".join(["words MATCH ?", *conditions.texts])
    query = f"{_MATCHES} WHERE {where} ORDER BY words.rowid DESC"
    rows = connection.execute(query, (fulltext.fts5(filters.terms), *conditions.params))
    best: list[tuple[int, int]] = []
    while chunk := rows.fetchmany(CHUNK):
        best = heapq.nlargest(limit, best + chunk)
        enough = best[-1][0] if len(best) == limit else filters.since or 0
        if _latest_up_to(connection, chunk[-1][1]) < enough:
            break
    return [record_id for _time, record_id in best]


def _latest_up_to(connection: sqlite3.Connection, record_id: int) -> int:
    """Give a time that no record up to this id is later than."""
    row = connection.execute("SELECT latest FROM marks WHERE id >= ? ORDER BY id LIMIT 1", (record_id,)).fetchone()
    return int(row[0])
