"""A tail says what it leaves out."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.testing.client import CallingClient
from logger_svc.records import selectors
from logger_svc.records.models import Batch, Filters
from logger_svc.records.services import records_prune
from logger_svc.records.stores import store
from tests.logger_svc.conftest import make_record

pytestmark = pytest.mark.django_db(transaction=True)


def write(count: int, *, days_ago: int = 0, size: int = 1) -> None:
    records = [make_record(message="x" * size) for _number in range(count)]
    store().write([Batch(records)], now=datetime.now(UTC) - timedelta(days=days_ago))
    store().close()


def test_what_retention_dropped_is_a_gap(admin: CallingClient) -> None:
    write(5, days_ago=9)
    write(2)
    assert len(records_prune(now=datetime.now(UTC))) == 1
    tail = admin.get("/v1/logs/tail?after=3").json()
    assert tail["gaps"] == [{"from": "4", "to": "5", "count": 2, "reason": "retention dropped these records"}]
    assert [item["id"] for item in tail["items"]] == ["6", "7"]


def test_a_reader_far_behind_jumps_and_is_told_how_far() -> None:
    write(30)
    tail = selectors.records_tail(filters=Filters(), after=2, limit=100, max_behind=10)
    assert tail.gaps == [{"from": "3", "to": "20", "count": 18, "reason": "the reader is too far behind"}]
    assert [record.id for record in tail.records] == list(range(21, 31))


def test_a_cursor_from_a_store_that_is_gone_begins_anew(admin: CallingClient) -> None:
    write(2)
    tail = admin.get("/v1/logs/tail?after=50").json()
    assert (tail["items"], tail["cursor"]) == ([], "2")
    assert tail["gaps"][0]["reason"] == "the store was replaced"


def test_an_answer_stays_small_and_the_next_one_goes_on(admin: CallingClient) -> None:
    write(100, size=16_000)
    seen: list[str] = []
    cursor = "0"
    answers = 0
    while len(seen) < 100:
        answer = admin.get(f"/v1/logs/tail?after={cursor}&limit=1000")
        assert len(answer.content) < 1024 * 1024
        seen += [item["id"] for item in answer.json()["items"]]
        cursor = answer.json()["cursor"]
        answers += 1
    assert seen == [str(number) for number in range(1, 101)]
    assert answers > 1
    page = admin.get("/v1/logs?limit=200")
    assert len(page.content) < 1024 * 1024
    assert page.json()["next_cursor"]
