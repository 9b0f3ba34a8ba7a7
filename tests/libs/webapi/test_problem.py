"""What a database can't do is no mistake of ours: callers hear that, and when to come again."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import OperationalError

from libs.webapi.problem import service_error


class DiskFull(Exception):
    """As psycopg has it."""

    sqlstate = "53100"


def full_sqlite(path: Path) -> sqlite3.OperationalError:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE text (line)")
        database.execute("PRAGMA max_page_count = 3")
        with pytest.raises(sqlite3.OperationalError) as caught:
            database.execute("INSERT INTO text VALUES (zeroblob(100000))")
    return caught.value


def raised_by_django(cause: Exception) -> OperationalError:
    error = OperationalError(*cause.args)
    error.__cause__ = cause
    return error


def test_a_full_disk_is_told_with_a_time_to_come_again(tmp_path: Path) -> None:
    full = full_sqlite(tmp_path / "full")
    for error in (full, raised_by_django(full), raised_by_django(DiskFull())):
        told = service_error(error)
        assert (told.status, told.detail, told.retry_after) == (503, "the disk of the database is full", 30)


def test_another_trouble_of_a_database_passes_soon() -> None:
    for error in (OperationalError("database is locked"), sqlite3.OperationalError("disk I/O error")):
        told = service_error(error)
        assert (told.status, told.code, told.retry_after) == (503, "unavailable", 1)
