"""Tasks over HTTP: making, reading, editing, completing."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.todo_svc.conftest import Someone

pytestmark = pytest.mark.django_db

NOON = {"local": "2026-11-23T12:00:00", "timezone": "Europe/Berlin"}


def test_a_new_task_is_shown_as_the_contract_says(ann: Someone, groceries: Any) -> None:
    answer = ann.client.post(f"/v1/lists/{groceries['id']}/tasks", json={"title": "Milk"})

    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/tasks/{made['id']}"
    assert answer.headers["ETag"] == '"v1-owner"'
    assert made.pop("created_at") == made.pop("updated_at")
    assert made.pop("id")
    assert made == {
        "version": 1,
        "list_id": groceries["id"],
        "parent_id": None,
        "title": "Milk",
        "notes": "",
        "status": "open",
        "priority": 0,
        "due": None,
        "recurrence": None,
        "rank": "a0",
        "labels": [],
        "assignees": [],
        "completed_at": None,
        "completed_by": None,
        "occurrence_of": None,
        "created_by": ann.id,
        "my_role": "owner",
    }


def test_all_fields_are_kept(ann: Someone, groceries: Any, published: Any) -> None:
    given = {
        "id": str(uuid7()),
        "notes": "  # two\n",
        "priority": 4,
        "due": NOON,
        "recurrence": None,
        "labels": ["home", "shop", "home"],
        "assignees": [ann.id],
    }
    made = ann.new_task(groceries["id"], **given)

    assert ann.get(f"/v1/tasks/{made['id']}") == made
    assert {name: made[name] for name in given} == {**given, "labels": ["home", "shop"]}
    assert published[-1].type == "todo.task.created"
    assert published[-1].data["changes"]["due"] == {"from": None, "to": NOON}
    assert published[-1].subject or published[-1].aggregate_id == made["id"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/title"]),
        ({"title": ""}, ["/title"]),
        ({"title": "x" * 501}, ["/title"]),
        ({"title": ["x"]}, ["/title"]),
        ({"title": "x", "notes": "é" * 32769}, ["/notes"]),
        ({"title": "x", "priority": 5}, ["/priority"]),
        ({"title": "x", "priority": True}, ["/priority"]),
        ({"title": "x", "priority": "3"}, ["/priority"]),
        ({"title": "x", "priority": 10**400}, ["/priority"]),
        ({"title": "x", "status": "waiting"}, ["/status"]),
        ({"title": "x", "status": []}, ["/status"]),
        ({"title": "x", "due": "tomorrow"}, ["/due"]),
        ({"title": "x", "due": []}, ["/due"]),
        ({"title": "x", "due": {"local": "2026-11-23T12:00:00", "timezone": "Moon"}}, ["/due/timezone"]),
        ({"title": "x", "due": {"date": "2026-11-23", "floating": True}}, ["/due"]),
        ({"title": "x", "recurrence": {"rrule": "FREQ=DAILY", "anchor": "due"}}, ["/recurrence"]),
        ({"title": "x", "labels": "home"}, ["/labels"]),
        ({"title": "x", "labels": ["ok", ""]}, ["/labels/1"]),
        ({"title": "x", "assignees": ["me"]}, ["/assignees/0"]),
        ({"title": "x", "completed_at": None}, ["/completed_at"]),
        ({"title": "x", "my_role": "owner", "rank": "a"}, ["/my_role", "/rank"]),
    ],
)
def test_a_wrong_body_is_named_and_makes_nothing(
    ann: Someone, groceries: Any, body: dict[str, Any], pointers: list[str]
) -> None:
    path = f"/v1/lists/{groceries['id']}/tasks"

    problem = ann.post(path, body, 422)

    assert [error["pointer"] for error in problem["errors"]] == pointers
    assert ann.titles(path) == []


def test_only_members_can_be_assigned(ann: Someone, bob: Someone, groceries: Any, milk: Any) -> None:
    path = f"/v1/tasks/{milk['id']}"
    assert ann.patch(path, {"assignees": [ann.id, bob.id]}, 422)["errors"][0]["pointer"] == "/assignees/1"

    ann.share(path, bob, "viewer")

    assert ann.patch(path, {"assignees": [bob.id]})["assignees"] == [bob.id]


def test_subtasks_stay_in_the_list_of_their_parent(ann: Someone, groceries: Any, milk: Any) -> None:
    child = ann.new_task(groceries["id"], "Oat", parent_id=milk["id"])
    assert child["parent_id"] == milk["id"]

    other = ann.new_list("Other")
    problem = ann.post(f"/v1/lists/{other['id']}/tasks", {"title": "x", "parent_id": milk["id"]}, 422)

    assert problem["errors"][0]["pointer"] == "/parent_id"


def test_a_list_id_in_the_body_is_that_of_the_address(ann: Someone, groceries: Any) -> None:
    path = f"/v1/lists/{groceries['id']}/tasks"

    assert ann.post(path, {"title": "x", "list_id": groceries["id"]})["list_id"] == groceries["id"]
    ann.post(path, {"title": "x", "list_id": str(uuid7())}, 422)


def test_an_unknown_label_is_added_to_ones_own_catalogue(ann: Someone, bob: Someone, milk: Any) -> None:
    ann.patch(f"/v1/tasks/{milk['id']}", {"labels": ["home"]})
    ann.patch(f"/v1/tasks/{milk['id']}", {"labels": ["home", "shop"]})

    assert [item["name"] for item in ann.get("/v1/labels")["items"]] == ["home", "shop"]
    assert bob.get("/v1/labels")["items"] == []


# -- patch ---------------------------------------------------------------------------------------------------------


def test_a_patch_touches_only_what_it_names(ann: Someone, groceries: Any, published: Any) -> None:
    made = ann.new_task(groceries["id"], notes="two", due=NOON, labels=["a"])

    changed = ann.patch(f"/v1/tasks/{made['id']}", {"title": "Oat milk"})

    same = made.keys() - {"title", "version", "updated_at"}
    assert {name: changed[name] for name in same} == {name: made[name] for name in same}
    assert changed["version"] == 2
    assert published[-1].data["changes"] == {"title": {"from": "Milk", "to": "Oat milk"}}
    assert published[-1].data["version"] == 2


def test_null_takes_values_away(ann: Someone, groceries: Any) -> None:
    made = ann.new_task(groceries["id"], notes="two", due=NOON, labels=["a"], priority=3, assignees=[ann.id])
    gone = dict.fromkeys(["notes", "due", "labels", "priority", "assignees", "recurrence"])

    changed = ann.patch(f"/v1/tasks/{made['id']}", gone)

    assert [changed[name] for name in gone] == ["", None, [], 0, [], None]


def test_a_merge_patch_reaches_into_the_due(ann: Someone, groceries: Any) -> None:
    path = f"/v1/tasks/{ann.new_task(groceries['id'], due=NOON)['id']}"

    assert ann.patch(path, {"due": {"timezone": "Asia/Tokyo"}})["due"] == {**NOON, "timezone": "Asia/Tokyo"}
    assert ann.patch(path, {"due": {"date": "2026-12-01"}})["due"] == {"date": "2026-12-01"}
    problem = ann.patch(path, {"due": {"date": "soon"}}, 422)
    assert problem["errors"][0]["pointer"] == "/due/date"


def test_a_merge_patch_may_say_that_it_is_one(ann: Someone, milk: Any) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}

    assert ann.patch(f"/v1/tasks/{milk['id']}", {"priority": 2}, headers=headers)["priority"] == 2


@pytest.mark.parametrize("patch", [{}, {"title": "Milk"}, {"recurrence": None}, {"due": {}}])
def test_a_patch_that_changes_nothing_counts_no_version(
    ann: Someone, milk: Any, patch: dict[str, Any], published: Any
) -> None:
    if patch == {"due": {}}:
        ann.patch(f"/v1/tasks/{milk['id']}", {"due": NOON})
    before, version = len(published), ann.get(f"/v1/tasks/{milk['id']}")["version"]

    assert ann.patch(f"/v1/tasks/{milk['id']}", patch)["version"] == version
    assert len(published) == before


@pytest.mark.parametrize("action", ["patch", "delete", "complete", "reopen", "move"])
def test_a_stale_if_match_changes_nothing(ann: Someone, milk: Any, action: str) -> None:
    path = f"/v1/tasks/{milk['id']}"
    stale = {"If-Match": '"v7-owner"'}

    if action == "patch":
        problem = ann.patch(path, {"title": "x"}, 412, headers=stale)
    elif action == "delete":
        problem = ann.delete(path, 412, headers=stale)
    else:
        problem = ann.post(f"{path}/{action}", status=412, headers=stale)

    assert problem["current"] == milk
    assert ann.get(path) == milk


def test_a_matching_tag_lets_a_change_pass(ann: Someone, milk: Any) -> None:
    path = f"/v1/tasks/{milk['id']}"
    tag = ann.etag(path)

    ann.patch(path, {"title": "x"}, headers={"If-Match": tag})

    assert ann.client.get(path, headers={"If-None-Match": ann.etag(path)}).status_code == 304
    assert ann.client.get(path, headers={"If-None-Match": tag}).status_code == 200


# -- completing ----------------------------------------------------------------------------------------------------


def test_completing_tells_who_and_when(ann: Someone, milk: Any, published: Any) -> None:
    done = ann.post(f"/v1/tasks/{milk['id']}/complete", status=200)

    assert done["next"] is None
    assert (done["task"]["status"], done["task"]["completed_by"]) == ("done", ann.id)
    assert done["task"]["completed_at"].endswith("Z")
    assert published[-1].type == "todo.task.completed"
    assert published[-1].data["changes"] == {"status": {"from": "open", "to": "done"}}


def test_completing_twice_changes_nothing(ann: Someone, milk: Any, published: Any) -> None:
    first = ann.post(f"/v1/tasks/{milk['id']}/complete", status=200)
    before = len(published)

    assert ann.post(f"/v1/tasks/{milk['id']}/complete", status=200) == first
    assert len(published) == before


def test_reopening_takes_the_completion_back(ann: Someone, milk: Any, published: Any) -> None:
    path = f"/v1/tasks/{milk['id']}"
    ann.post(f"{path}/complete", status=200)

    opened = ann.post(f"{path}/reopen", status=200)

    assert (opened["status"], opened["completed_at"], opened["completed_by"]) == ("open", None, None)
    assert published[-1].type == "todo.task.reopened"
    assert ann.post(f"{path}/reopen", status=200)["version"] == opened["version"]


def test_a_patch_may_complete_and_rename_at_once(ann: Someone, milk: Any, published: Any) -> None:
    changed = ann.patch(f"/v1/tasks/{milk['id']}", {"status": "done", "title": "Oat"})

    assert changed["completed_by"] == ann.id
    assert sorted(published.types[-2:]) == ["todo.task.completed", "todo.task.updated"]
    assert {event.data["version"] for event in published[-2:]} == {2}


def test_an_action_takes_no_members(ann: Someone, milk: Any) -> None:
    ann.post(f"/v1/tasks/{milk['id']}/complete", {"when": "now"}, 422)

    assert ann.client.post(f"/v1/tasks/{milk['id']}/complete").status_code == 200


# -- who -----------------------------------------------------------------------------------------------------------


def test_strangers_find_nothing(eve: Someone, milk: Any) -> None:
    path = f"/v1/tasks/{milk['id']}"

    eve.get(path, 404)
    eve.patch(path, {"title": "x"}, 404)
    eve.delete(path, 404)
    for action in ("complete", "reopen", "move"):
        eve.post(f"{path}/{action}", status=404)
    eve.get(f"{path}/activity", 404)
    eve.get(f"{path}/comments", 404)
    eve.get(f"{path}/shares", 404)
    assert eve.get("/v1/tasks")["items"] == []


@pytest.mark.parametrize("role", ["viewer", "commenter"])
def test_readers_read_only(ann: Someone, bob: Someone, groceries: Any, milk: Any, role: str) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, role)
    path = f"/v1/tasks/{milk['id']}"

    assert bob.get(path)["my_role"] == role
    bob.patch(path, {"title": "x"}, 403)
    bob.delete(path, 403)
    for action in ("complete", "reopen", "move"):
        bob.post(f"{path}/{action}", status=403)
    bob.post(f"/v1/lists/{groceries['id']}/tasks", {"title": "x"}, 403)


def test_an_editor_works_on_the_tasks_of_a_list(ann: Someone, bob: Someone, groceries: Any, milk: Any) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "editor")

    bob.patch(f"/v1/tasks/{milk['id']}", {"title": "x"})
    bob.post(f"/v1/tasks/{milk['id']}/complete", status=200)
    assert bob.new_task(groceries["id"])["created_by"] == bob.id
    bob.delete(f"/v1/tasks/{milk['id']}")


def test_a_task_shared_alone_opens_nothing_else(ann: Someone, bob: Someone, groceries: Any, milk: Any) -> None:
    path = f"/v1/tasks/{milk['id']}"
    child = ann.new_task(groceries["id"], "Oat", parent_id=milk["id"])
    ann.share(path, bob, "editor")

    assert bob.get(path)["my_role"] == "editor"
    assert bob.titles("/v1/tasks") == ["Milk"]
    bob.patch(path, {"title": "Oat milk"})
    bob.post(f"{path}/complete", status=200)
    bob.post(f"{path}/comments", {"body": "done"})
    bob.delete(path, 403)
    bob.post(f"{path}/move", {}, 403)
    bob.patch(path, {"parent_id": None}, 403)
    bob.get(f"/v1/tasks/{child['id']}", 404)
    bob.get(f"/v1/lists/{groceries['id']}", 404)
    bob.get(f"/v1/lists/{groceries['id']}/tasks", 404)
    assert len(bob.get("/v1/lists")["items"]) == 1


def test_the_effective_role_is_the_highest_of_list_and_task(
    ann: Someone, bob: Someone, groceries: Any, milk: Any
) -> None:
    ann.new_task(groceries["id"], "Bread")
    ann.share(f"/v1/lists/{groceries['id']}", bob, "viewer")
    ann.share(f"/v1/tasks/{milk['id']}", bob, "editor")

    roles = {item["title"]: item["my_role"] for item in bob.get(f"/v1/lists/{groceries['id']}/tasks")["items"]}

    assert roles == {"Milk": "editor", "Bread": "viewer"}
    assert {item["title"]: item["my_role"] for item in bob.get("/v1/tasks")["items"]} == roles


def test_the_history_of_a_task_is_told_to_guests(ann: Someone, bob: Someone, milk: Any) -> None:
    path = f"/v1/tasks/{milk['id']}"
    ann.share(path, bob, "viewer")
    ann.patch(path, {"title": "Oat"})

    rows = bob.get(f"{path}/activity")["items"]

    assert [row["action"] for row in rows] == ["task.updated", "list.shared", "task.created"]
    assert rows[0]["changes"] == {"title": {"from": "Milk", "to": "Oat"}}
    assert rows[0]["actor"] == {"id": ann.id, "display_name": "Ann"}


def test_making_a_task_takes_few_statements(ann: Someone, groceries: Any, django_assert_num_queries: Any) -> None:
    ann.new_task(groceries["id"])

    with django_assert_num_queries(8):  # begin, role, last rank, task, history, sequence, event, commit
        ann.new_task(groceries["id"])
