"""Reading and writing over the bridge, as the contract says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.testing.client import BridgeTestClient, CallingClient
from tests.logger_svc.posting import post

pytestmark = pytest.mark.django_db(transaction=True)

Wrote = Callable[..., None]


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def messages(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item["message"] for item in answer.json()["items"]]


def test_what_is_written_is_found(wrote: Wrote, admin: CallingClient) -> None:
    moment = ago(1)
    wrote(
        {"time": moment, "request_id": "r1", "trace_id": "t1", "span_id": "s1", "user_id": "u1", "attributes": {"n": 1}}
    )
    (item,) = admin.get("/v1/logs").json()["items"]
    assert item == {
        "id": "1",
        "time": moment,
        "service": "todo",
        "instance": "todo-1",
        "level": "info",
        "logger": "todo_svc.todos",
        "message": "task created",
        "request_id": "r1",
        "trace_id": "t1",
        "span_id": "s1",
        "user_id": "u1",
        "attributes": {"n": 1},
    }


def test_a_page_begins_with_the_newest_by_time_not_by_arrival(wrote: Wrote, admin: CallingClient) -> None:
    wrote({"message": "second", "time": ago(20)}, {"message": "third", "time": ago(10)})
    wrote({"message": "first", "time": ago(30)})
    assert messages(admin.get("/v1/logs")) == ["third", "second", "first"]


def test_pages_repeat_and_skip_nothing_while_records_arrive(wrote: Wrote, admin: CallingClient) -> None:
    moment = ago(10)
    wrote(*({"message": str(n), "time": moment} for n in range(7)))
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = admin.get(f"/v1/logs?limit=3&cursor={cursor}" if cursor else "/v1/logs?limit=3")
        seen += messages(answer)
        cursor = answer.json()["next_cursor"]
        assert (cursor is not None) == ('rel="next"' in answer.headers.get("Link", ""))
        wrote({"message": "newer"})
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("level=warning", ["worse", "bad"]),
        ("level=error", ["worse"]),
        ("level=ERROR", ["worse"]),
        ("instance=todo-2", ["elsewhere"]),
        ("service=todo&level=error", ["worse"]),
        ("service=auth", []),
        ("request_id=r1", ["bad", "fine"]),
        ("trace_id=t1", ["worse"]),
        ("q=elsew", ["elsewhere"]),
        ("q=needle", ["bad"]),
        ("q=in+the+haystack", ["bad"]),
        ("q=%22the+haystack%22", ["bad"]),
        ("q=%22haystack+the%22", []),
        ("q=needle&level=error", []),
    ],
)
def test_filters_narrow(wrote: Wrote, admin: CallingClient, query: str, found: list[str]) -> None:
    wrote(
        {"message": "fine", "request_id": "r1", "time": ago(9)},
        {"message": "elsewhere", "instance": "todo-2", "time": ago(8)},
        {"message": "bad", "level": "warning", "request_id": "r1", "time": ago(7)}
        | {"attributes": {"where": ["a needle\nin the haystack"]}},
        {"message": "worse", "level": "critical", "trace_id": "t1", "time": ago(6)},
    )
    assert messages(admin.get(f"/v1/logs?{query}")) == found


def test_since_is_included_and_until_is_not(wrote: Wrote, admin: CallingClient) -> None:
    wrote(*({"message": str(n), "time": f"2026-01-01T00:00:0{n}Z"} for n in range(4)))
    query = "since=2026-01-01T00:00:01Z&until=2026-01-01T01:00:03%2B01:00"
    assert messages(admin.get(f"/v1/logs?{query}")) == ["2", "1"]


@pytest.mark.parametrize(
    "query",
    [
        "level=loud",
        "level=",
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "limit=0",
        "limit=201",
        "cursor=made-up",
        "colour=red",
        "q=%22%22",
        "q=" + "a+" * 17,
        "level=info&level=error",
    ],
)
def test_a_query_that_makes_no_sense_is_a_400(admin: CallingClient, query: str) -> None:
    answer = admin.get(f"/v1/logs?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "text",
    [
        '" OR 1=1 --',
        "message:secret",
        "a NEAR/2 b",
        "NOT x",
        "x*",
        "(((",
        "'; DROP TABLE records; --",
        "a AND",
        "{text}:x^2",
    ],
)
def test_what_looks_like_search_syntax_is_only_text(wrote: Wrote, admin: CallingClient, text: str) -> None:
    wrote({"message": "harmless"})
    answer = admin.request("GET", "/v1/logs?" + __import__("urllib.parse").parse.urlencode({"q": text}))
    assert answer.status_code == (400 if text == "(((" else 200)
    assert messages(admin.get("/v1/logs?q=harmless")) == ["harmless"]


def test_sources_tell_who_wrote_how_much(wrote: Wrote, admin: CallingClient) -> None:
    wrote({"time": "2026-11-01T10:00:00Z"}, {"time": "2026-11-01T09:00:00Z"}, {"instance": "todo-2"})
    items = admin.get("/v1/logs/services").json()["items"]
    assert [(item["service"], item["instance"], item["count"]) for item in items] == [
        ("todo", "todo-1", 2),
        ("todo", "todo-2", 1),
    ]
    assert items[0]["last_at"] == "2026-11-01T10:00:00+00:00"


def test_a_tail_begins_at_the_end_and_then_gives_what_came(wrote: Wrote, admin: CallingClient) -> None:
    wrote({"message": "before"})
    start = admin.get("/v1/logs/tail").json()
    assert start == {"items": [], "cursor": "1", "gaps": []}
    wrote({"message": "old", "time": ago(3600)}, {"message": "new"}, {"message": "other", "level": "debug"})
    tail = admin.get(f"/v1/logs/tail?after={start['cursor']}&level=info").json()
    assert [item["message"] for item in tail["items"]] == ["old", "new"]
    assert tail["cursor"] == "4"
    assert admin.get(f"/v1/logs/tail?after={tail['cursor']}").json() == {"items": [], "cursor": "4", "gaps": []}


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=99999999999999999999", "cursor=1", "limit=1001"])
def test_a_tail_with_a_wrong_place_is_a_400(admin: CallingClient, query: str) -> None:
    assert admin.get(f"/v1/logs/tail?{query}").status_code == 400


def test_only_admin_reads_and_nobody_from_outside(api: BridgeTestClient, todo: CallingClient) -> None:
    for path in ("/v1/logs", "/v1/logs/tail", "/v1/logs/services"):
        assert todo.get(path).status_code == 403
        assert api.external().get(path).status_code == 401
        assert api.as_user("u1").get(path).status_code == 404
    assert post(api.external(), {}).status_code == 401
    assert post(api.as_user("u1"), {}).status_code == 404
