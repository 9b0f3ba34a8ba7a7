"""Tasks over HTTP: filters, sorting, pages."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.todo_svc.conftest import Someone

pytestmark = pytest.mark.django_db


@pytest.fixture
def week(ann: Someone, groceries: Any) -> str:
    """A list with tasks of all kinds; the path of its tasks."""
    rows: list[tuple[str, dict[str, Any]]] = [
        ("none", {}),
        ("monday", {"due": {"date": "2026-11-23"}, "priority": 1, "labels": ["home"]}),
        ("Berlin", {"due": {"local": "2026-11-24T00:30:00", "timezone": "Europe/Berlin"}, "priority": 3}),
        (
            "float",
            {
                "due": {"local": "2026-11-24T09:00:00", "floating": True},
                "labels": ["home", "work"],
                "notes": "Äpfel (grün)",
            },
        ),
        ("sunday", {"due": {"date": "2026-11-29"}, "notes": "with 100% Sugar", "assignees": [ann.id]}),
    ]
    for title, more in rows:
        ann.new_task(groceries["id"], title, **more)
    return f"/v1/lists/{groceries['id']}/tasks"


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("label=home", ["monday", "float"]),
        ("label=home&label=work", None),
        ("priority=3", ["Berlin"]),
        ("q=sugar", ["sunday"]),
        ("q=100%25", ["sunday"]),
        ("q=%25", ["sunday"]),
        ("q=ERLI", ["Berlin"]),
        (f"q={quote('ÄPFEL (')}", ["float"]),
        ("due_before=9999-12-31", ["monday", "Berlin", "float", "sunday"]),
        ("due_after=9999-12-31", []),
        ("due_before=2026-11-24", ["monday", "Berlin"]),
        ("due_before=2026-11-23", []),
        ("due_after=2026-11-23", ["float", "sunday"]),
        ("due_after=2026-11-23T23:00:00Z", ["Berlin", "float", "sunday"]),
        ("due_after=2026-11-23T00:00:00%2B00:00&due_before=2026-11-24T00:00:00Z", ["Berlin"]),
        ("status=open", ["none", "monday", "Berlin", "float", "sunday"]),
        ("status=done", []),
    ],
)
def test_filters_keep_what_they_name(ann: Someone, week: str, query: str, titles: list[str] | None) -> None:
    if titles is None:
        assert ann.get(f"{week}?{query}", 400)["code"] == "invalid_parameter"
    else:
        assert ann.titles(f"{week}?{query}") == titles


def test_tasks_can_be_found_by_list_assignee_and_change(ann: Someone, week: str, milk: Any) -> None:
    other = ann.new_task(ann.new_list("Other")["id"], "other")

    assert ann.titles(f"/v1/tasks?assignee={ann.id}") == ["sunday"]
    assert ann.titles(f"/v1/tasks?list_id={other['list_id']}") == ["other"]
    assert ann.titles(f"/v1/tasks?updated_after={quote(milk['updated_at'])}") == ["other"]


@pytest.mark.parametrize(
    ("sort", "titles"),
    [
        ("rank", ["none", "monday", "Berlin", "float", "sunday"]),
        ("-rank", ["sunday", "float", "Berlin", "monday", "none"]),
        ("due", ["monday", "Berlin", "float", "sunday", "none"]),
        ("-due", ["sunday", "float", "Berlin", "monday", "none"]),
        ("title", ["Berlin", "float", "monday", "none", "sunday"]),
        ("-title", ["sunday", "none", "monday", "float", "Berlin"]),
        ("priority", ["none", "float", "sunday", "monday", "Berlin"]),
        ("-priority", ["Berlin", "monday", "sunday", "float", "none"]),
        ("created_at", ["none", "monday", "Berlin", "float", "sunday"]),
        ("-updated_at", ["sunday", "float", "Berlin", "monday", "none"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 200])
def test_each_order_holds_over_pages(ann: Someone, week: str, sort: str, titles: list[str], limit: int) -> None:
    found: list[str] = []
    address: str | None = f"{week}?sort={sort}&limit={limit}"
    while address:
        answer = ann.client.get(address)
        found += [item["title"] for item in answer.json()["items"]]
        link = answer.headers.get("Link")
        address = link[1 : link.index(">")] if link else None

    assert found == titles


def test_what_comes_and_goes_between_pages_repeats_and_skips_nothing(ann: Someone, groceries: Any, week: str) -> None:
    first = ann.get(f"{week}?limit=2")
    ann.delete(f"/v1/tasks/{first['items'][0]['id']}")
    ann.new_task(groceries["id"], "late")

    second = ann.get(f"{week}?limit=200&cursor={first['next_cursor']}")

    assert [item["title"] for item in second["items"]] == ["Berlin", "float", "sunday", "late"]


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "sort=size",
        "status=waiting",
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=AAAA",
        "due_before=soon",
        "due_before=2026-02-30",
        "due_after=2026-11-23T09:00:00",
        "due_before=9999-12-31T23:59:59-23:59",
        "updated_after=0001-01-01T00:00:00%2B00:01",
        "updated_after=2026-11-23",
        "priority=9",
        "list_id=7",
        "q=%00",
        "q=%ff",
        f"q={'x' * 201}",
    ],
)
def test_a_wrong_query_is_refused(ann: Someone, week: str, query: str) -> None:
    assert ann.get(f"{week}?{query}", 400)["status"] == 400


def test_a_cursor_belongs_to_its_order(ann: Someone, week: str) -> None:
    cursor = ann.get(f"{week}?limit=1&sort=rank")["next_cursor"]

    assert ann.get(f"{week}?limit=1&sort=-rank&cursor={cursor}", 400)["code"] == "invalid_cursor"


def test_a_page_takes_as_many_queries_for_many_tasks_as_for_one(
    ann: Someone, bob: Someone, groceries: Any, django_assert_num_queries: Any
) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "viewer")
    for title in "abcde":
        task = ann.new_task(groceries["id"], title, labels=["x", title], assignees=[ann.id, bob.id])
        ann.share(f"/v1/tasks/{task['id']}", bob, "editor")

    with django_assert_num_queries(3):
        bob.get(f"/v1/lists/{groceries['id']}/tasks?limit=1")
    with django_assert_num_queries(3):
        bob.get(f"/v1/lists/{groceries['id']}/tasks")
    with django_assert_num_queries(2):
        assert len(bob.get("/v1/tasks?sort=due")["items"]) == 5
