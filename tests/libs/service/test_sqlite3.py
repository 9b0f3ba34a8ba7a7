"""SQLite with several writers."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.db.utils import ConnectionHandler

from libs.service.databases import database
from libs.service.sqlite3 import base


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.sqlite3"


@pytest.fixture
def connection(file: Path, django_db_blocker: Any) -> Iterator[base.DatabaseWrapper]:
    with django_db_blocker.unblock():
        connection = ConnectionHandler({"default": database("", file)})["default"]
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE thing (name text)")
        yield connection
        connection.close()


@pytest.fixture
def other(file: Path, connection: base.DatabaseWrapper) -> Iterator[sqlite3.Connection]:
    """Another program's connection, in autocommit."""
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    yield other
    other.close()


def names(connection: base.DatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM thing")
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.parametrize("many", [False, True])
def test_a_writer_waits_for_another(connection: base.DatabaseWrapper, other: sqlite3.Connection, many: bool) -> None:
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, other.execute, ("COMMIT",))
    timer.start()
    begun = time.monotonic()

    with connection.cursor() as cursor:
        if many:
            cursor.executemany("INSERT INTO thing VALUES (%s)", (each for each in [("a",), ("b",)]))
        else:
            cursor.execute("INSERT INTO thing VALUES (%s)", ["a"])

    assert time.monotonic() - begun > 0.1
    assert names(connection) == (["a", "b"] if many else ["a"])


def test_who_connects_waits_as_well(file: Path, connection: base.DatabaseWrapper, other: sqlite3.Connection) -> None:
    connection.close()
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.2, other.execute, ("COMMIT",))
    timer.start()

    assert names(connection) == []


def test_nobody_waits_for_ever(
    connection: base.DatabaseWrapper, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "BUSY_TIMEOUT", 0.05)
    other.execute("BEGIN IMMEDIATE")

    with connection.cursor() as cursor, pytest.raises(OperationalError, match="locked"):
        cursor.execute("INSERT INTO thing VALUES (%s)", ["a"])


def test_other_errors_come_at_once(connection: base.DatabaseWrapper) -> None:
    begun = time.monotonic()
    with connection.cursor() as cursor, pytest.raises(OperationalError, match="no such table"):
        cursor.execute("SELECT 1 FROM absent")
    assert time.monotonic() - begun < base.BUSY_TIMEOUT / 2


@pytest.mark.parametrize(
    ("query", "values", "found"),
    [
        ("SELECT %s, '%%'", [1], (1, "%")),
        ("SELECT %(a)s, '%%', %(b)s", {"a": 1, "b": 2}, (1, "%", 2)),
        ("SELECT '%%'", None, ("%%",)),
    ],
)
def test_places_for_values_are_translated(
    connection: base.DatabaseWrapper, query: str, values: object, found: tuple[object, ...]
) -> None:
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            assert cursor.fetchone() == found
