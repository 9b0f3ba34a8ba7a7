"""What every store promises, whichever database it uses."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from logger_svc.records import fulltext
from logger_svc.records.models import Batch, BatchKey, Bounds, Filters, Position, Source, microseconds
from logger_svc.records.stores.base import Store
from logger_svc.records.stores.postgres import PostgresStore
from logger_svc.records.stores.sqlite import SqliteStore
from tests.logger_svc.conftest import NOW, make_record

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
ALL = Filters()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.distributed)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "postgres":
        request.getfixturevalue("empty_tables")
    made: Store = SqliteStore(tmp_path / "s", max_bytes=2**30) if request.param == "sqlite" else PostgresStore()
    yield made
    made.close()


def batch(*messages: str, key: int | None = None, **given: Any) -> Batch:
    records = [make_record(message=message, **given) for message in messages]
    return Batch(records, None if key is None else BatchKey("todo", "todo-1", "boot", key))


def found(store: Store, filters: Filters = ALL, **options: Any) -> list[str]:
    return [record.message for record in store.search(filters, limit=options.pop("limit", 100), **options)]


def followed(store: Store, filters: Filters = ALL, *, after: int = 0, limit: int = 100) -> list[str]:
    return [r.message for r in store.follow(filters, after=after, upto=store.bounds().last, limit=limit)]


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert store.bounds() == Bounds(1, 0)
    assert (found(store), followed(store), store.sources()) == ([], [], [])


def test_ids_count_commits_without_holes_across_days(store: Store) -> None:
    store.write([batch("a", "b")], now=NOW)
    store.write([batch("c")], now=NOW + DAY)
    store.write([batch("d", "e")], now=NOW + 2 * DAY)
    assert store.bounds() == Bounds(1, 5)
    assert followed(store) == ["a", "b", "c", "d", "e"]
    assert followed(store, after=1, limit=3) == ["b", "c", "d"]


def test_a_key_is_stored_once_even_in_one_group_and_on_another_day(store: Store) -> None:
    assert store.write([batch("a", key=1), batch("a", key=1), batch("b", key=2)], now=NOW) == [True, False, True]
    assert store.write([batch("b", key=2), batch("c", key=3)], now=NOW + DAY) == [False, True]
    assert followed(store) == ["a", "b", "c"]


def test_a_failed_write_changes_nothing(store: Store) -> None:
    store.write([batch("a", key=1)], now=NOW)
    with pytest.raises(Exception, match=r"NULL|null"):
        store.write([batch("b", key=2), batch("c", level=None)], now=NOW)
    assert store.bounds() == Bounds(1, 1)
    assert store.write([batch("b", key=2)], now=NOW) == [True]
    assert followed(store) == ["a", "b"]


def test_days_are_searched_together_by_the_time_of_the_record(store: Store) -> None:
    at = microseconds(NOW)
    store.write([batch("day one", time=at), batch("late", time=at + 10)], now=NOW)
    store.write([batch("spilled", time=at + 5), batch("day two", time=at + 20)], now=NOW + DAY)
    assert found(store) == ["day two", "late", "spilled", "day one"]
    assert found(store, limit=2) == ["day two", "late"]
    assert found(store, after=Position(at + 10, 2)) == ["spilled", "day one"]


def test_records_of_the_same_moment_are_ordered_by_their_ids(store: Store) -> None:
    store.write([batch("a", "b", "c")], now=NOW)
    assert found(store) == ["c", "b", "a"]
    assert found(store, after=Position(microseconds(NOW), 2)) == ["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alpha", ["three", "one"]),
        ("ALPH", ["three", "one"]),
        ("alpha beta", ["one"]),
        ('"beta gamma"', ["one"]),
        ('"gamma beta"', []),
        ("todo-17/x_y", ["two"]),
        ("-5", ["two"]),
        ("example.org", ["three"]),
        ("ñandú", ["two"]),
        ("日本", ["three"]),
        ("alpha" * 40, []),
    ],
)
def test_words_are_found_wherever_they_stand(store: Store, text: str, expected: list[str]) -> None:
    one = make_record(message="one", attributes=json.dumps({"k": ["alpha\nbeta", {"gamma": 1}]}))
    two = make_record(message="two", attributes=json.dumps({"id": "todo-17/x_y", "n": -5, "w": "ñandú"}))
    three = make_record(message="three", attributes=json.dumps({"at": "api.example.org", "w": "日本語 alphabet"}))
    store.write([Batch([one, two, three])], now=NOW)
    terms = fulltext.parse(text)
    assert found(store, Filters(terms=terms)) == expected
    assert followed(store, Filters(terms=terms)) == expected[::-1]


def test_a_follower_gets_only_what_its_filters_let_through(store: Store) -> None:
    store.write([batch("low", level=10), batch("high", level=40), batch("other", level=40, service="auth")], now=NOW)
    assert followed(store, Filters(level=30, service="todo")) == ["high"]


def test_sources_add_up_over_days(store: Store) -> None:
    at = microseconds(NOW)
    store.write([batch("a", "b", time=at), batch("c", service="auth", instance="auth-1")], now=NOW)
    store.write([batch("d", time=at - 5)], now=NOW + DAY)
    assert store.sources() == [Source("auth", "auth-1", 1, at), Source("todo", "todo-1", 3, at)]


def test_old_days_are_dropped_with_all_that_belongs_to_them(store: Store) -> None:
    for number in range(4):
        store.write([batch(str(number), key=number)], now=NOW + number * DAY)
    dropped = store.prune(now=NOW + 3 * DAY, days=2, max_bytes=2**40)
    assert len(dropped) == 2
    assert (store.bounds(), found(store)) == (Bounds(3, 4), ["3", "2"])
    assert [source.count for source in store.sources()] == [2]
    assert store.write([batch("4", key=4)], now=NOW + 3 * DAY) == [True]


def test_the_oldest_days_go_when_all_is_too_much_but_never_the_newest(store: Store) -> None:
    for number in range(3):
        store.write([batch(str(number))], now=NOW + number * DAY)
    assert len(store.prune(now=NOW, days=99, max_bytes=1)) == 2
    assert found(store) == ["2"]
    assert store.prune(now=NOW + 99 * DAY, days=1, max_bytes=1) == []


def test_a_reader_never_misses_what_is_committed_while_it_reads(store: Store) -> None:
    done = threading.Event()

    def write() -> None:
        for number in range(60):
            store.write([batch(*([f"{number}"] * 5))], now=NOW + number // 20 * DAY)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    seen: list[int] = []
    while not (done.is_set() and seen and seen[-1] == store.bounds().last):
        last = store.bounds().last
        seen += [r.id for r in store.follow(ALL, after=seen[-1] if seen else 0, upto=last, limit=50)]
    thread.join()
    assert seen == list(range(1, 301))


@pytest.mark.distributed
def test_loggers_that_write_at_once_give_out_each_id_once(empty_tables: None) -> None:
    def write(name: int) -> None:
        one = PostgresStore()
        for number in range(30):
            key = BatchKey("todo", "todo-1", "shared", number)
            one.write([Batch([make_record(message=f"{number}")], key), batch(f"own {name}")], now=NOW)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = PostgresStore()
    assert store.bounds() == Bounds(1, 30 + 90)
    assert [r.id for r in store.follow(ALL, after=0, upto=120, limit=200)] == list(range(1, 121))
