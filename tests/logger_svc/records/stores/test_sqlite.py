"""What is particular to files: their names, their sizes, restarts, and one writer."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from logger_svc.records import fulltext
from logger_svc.records.errors import StoreBusy
from logger_svc.records.models import Batch, BatchKey, Bounds, Filters
from logger_svc.records.stores import wordsearch
from logger_svc.records.stores.partition import Partition
from logger_svc.records.stores.sqlite import SqliteStore
from tests.logger_svc.conftest import NOW, make_record

WRITE_FOR_EVER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from logger_svc.records.models import Batch, BatchKey
from logger_svc.records.stores.sqlite import SqliteStore
from tests.logger_svc.conftest import make_record
store = SqliteStore(Path(sys.argv[1]), max_bytes=2**30)
for number in range(10**6):
    store.write([Batch([make_record()] * 10, BatchKey("todo", "todo-1", "b", number))], now=datetime.now(UTC))
    print(number, flush=True)
"""


def open_store(folder: Path, max_bytes: int = 2**30) -> SqliteStore:
    return SqliteStore(folder, max_bytes=max_bytes)


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    key = BatchKey("todo", "todo-1", "b", 1)
    before = open_store(tmp_path)
    before.write([Batch([make_record(message="before")], key)], now=NOW)
    before.close()
    after = open_store(tmp_path)
    assert after.write([Batch([make_record()], key), Batch([make_record(message="after")])], now=NOW) == [False, True]
    assert [record.message for record in after.follow(Filters(), after=0, upto=2, limit=9)] == ["before", "after"]
    after.close()


def test_kill_9_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.logger_svc.settings", "PYTHONWARNINGS": "ignore"},
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= 20:
            break
    child.send_signal(signal.SIGKILL)
    answered = 1 + max([20, *(int(line) for line in child.stdout)])
    child.stdout.close()
    child.wait()
    store = open_store(tmp_path)
    last = store.bounds().last
    assert last >= answered * 10
    retried = Batch([make_record()], BatchKey("todo", "todo-1", "b", answered - 1))
    assert store.write([retried], now=datetime.now(UTC)) == [False]
    store.close()


def test_one_process_writes_and_any_may_read(tmp_path: Path) -> None:
    writer, other = open_store(tmp_path), open_store(tmp_path)
    writer.write([Batch([make_record()])], now=NOW)
    assert other.bounds() == Bounds(1, 1)
    with pytest.raises(StoreBusy):
        other.write([Batch([make_record()])], now=NOW)
    writer.close()
    other.write([Batch([make_record()])], now=NOW)
    assert other.bounds() == Bounds(1, 2)
    other.close()


def test_a_large_day_is_split_so_that_its_older_part_can_go(tmp_path: Path) -> None:
    store = open_store(tmp_path, max_bytes=800 * 1024)
    for _number in range(8):
        store.write([Batch([make_record(message="x" * 1000)] * 100)], now=NOW)
    partitions = Partition.all_in(tmp_path)
    assert len(partitions) > 2
    assert {one.day for one in partitions} == {NOW.date()}
    assert len(store.follow(Filters(), after=0, upto=800, limit=1000)) == 800
    store.prune(now=NOW, days=7, max_bytes=800 * 1024)
    assert sum(one.size() for one in Partition.all_in(tmp_path)) <= 800 * 1024
    assert store.bounds().first > 1
    store.close()


def test_a_file_that_was_never_finished_does_no_harm(tmp_path: Path) -> None:
    for name in ("new.draft", "new.draft-wal"):
        (tmp_path / name).write_bytes(b"half a schema")
    store = open_store(tmp_path)
    assert store.bounds() == Bounds(1, 0)
    store.write([Batch([make_record()])], now=NOW)
    assert store.bounds() == Bounds(1, 1)
    store.close()


def test_a_clock_that_goes_back_keeps_ids_in_order(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write([Batch([make_record()])], now=NOW)
    store.write([Batch([make_record()])], now=NOW - timedelta(days=3))
    assert [one.day for one in Partition.all_in(tmp_path)] == [NOW.date()]
    store.close()


def test_the_newest_of_many_matches_are_found_although_some_came_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wordsearch, "CHUNK", 3)
    store = open_store(tmp_path)
    times = [5, 50, 10, 11, 12, 13, 14, 1, 2, 3, 20, 4]
    for time in times:
        store.write([Batch([make_record(message=f"common {time}", time=time)])], now=NOW)
    for limit in range(1, len(times) + 1):
        found = store.search(Filters(terms=fulltext.parse("common")), limit=limit)
        assert [record.time for record in found] == sorted(times, reverse=True)[:limit]
    since = store.search(Filters(terms=fulltext.parse("common"), since=13), limit=9)
    assert [record.time for record in since] == [50, 20, 14, 13]
    store.close()


def test_a_file_that_vanishes_while_it_is_asked_is_simply_gone(tmp_path: Path) -> None:
    gone = Partition.create(tmp_path, datetime.now(UTC).date(), 1)
    gone.delete()
    with pytest.raises(FileNotFoundError):
        gone.last_id()
    assert list(tmp_path.glob("*.sqlite3*")) == []
