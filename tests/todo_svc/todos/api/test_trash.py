"""The trash over HTTP."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.todo_svc.conftest import Someone
from todo_svc.todos.models import Activity, Comment, Task, TaskList, TrashEntry

pytestmark = pytest.mark.django_db


def trash(user: Someone) -> list[Any]:
    return list(user.get("/v1/trash")["items"])


def test_a_deleted_task_waits_for_30_days(ann: Someone, milk: Any, published: Any) -> None:
    ann.delete(f"/v1/tasks/{milk['id']}")

    ann.get(f"/v1/tasks/{milk['id']}", 404)
    ann.delete(f"/v1/tasks/{milk['id']}", 404)
    (entry,) = trash(ann)
    assert (entry["id"], entry["type"], entry["title"]) == (milk["id"], "task", "Milk")
    kept = datetime.fromisoformat(entry["expires_at"]) - datetime.fromisoformat(entry["deleted_at"])
    assert kept == timedelta(days=30)
    assert published[-1].type == "todo.task.deleted"


@pytest.mark.parametrize("kind", ["tasks", "lists"])
def test_a_deletion_that_an_attempt_before_has_done_is_answered_as_done(
    ann: Someone, bob: Someone, groceries: Any, milk: Any, kind: str
) -> None:
    path = f"/v1/{kind}/{milk['id'] if kind == 'tasks' else groceries['id']}"
    ann.delete(path)

    sent_again(ann).delete(path, 204)
    sent_again(bob).delete(path, 404)
    sent_again(ann).delete(f"/v1/{kind}/{uuid7()}", 404)
    assert len(trash(ann)) == 1


def sent_again(user: Someone) -> Someone:
    """The gateway on behalf of a user, with requests that another instance got and did not answer."""
    return replace(user, client=replace(user.client, call=replace(user.client.call, attempt=1)))


def test_a_task_goes_and_comes_back_with_its_subtasks(ann: Someone, groceries: Any, milk: Any, published: Any) -> None:
    child = ann.new_task(groceries["id"], "Oat", parent_id=milk["id"])
    gone_before = ann.new_task(groceries["id"], "Soy", parent_id=milk["id"])
    ann.delete(f"/v1/tasks/{gone_before['id']}")
    path = f"/v1/lists/{groceries['id']}/tasks"

    ann.delete(f"/v1/tasks/{milk['id']}")
    assert ann.titles(path) == []
    assert [entry["title"] for entry in trash(ann)] == ["Milk", "Soy"]

    restored = ann.post(f"/v1/trash/{milk['id']}/restore", status=200)
    assert (restored["id"], restored["version"]) == (milk["id"], 3)
    assert sorted(ann.titles(path)) == ["Milk", "Oat"]
    assert {event.data["task_id"] for event in published.of("todo.task.restored")} == {milk["id"], child["id"]}
    assert [entry["title"] for entry in trash(ann)] == ["Soy"]


def test_a_subtask_of_what_is_in_the_trash_comes_to_the_top(ann: Someone, groceries: Any, milk: Any) -> None:
    child = ann.new_task(groceries["id"], "Oat", parent_id=milk["id"])
    ann.delete(f"/v1/tasks/{child['id']}")
    ann.delete(f"/v1/tasks/{milk['id']}")

    assert ann.post(f"/v1/trash/{child['id']}/restore", status=200)["parent_id"] is None


def test_a_deleted_list_hides_all_it_holds_and_comes_back(
    ann: Someone, bob: Someone, groceries: Any, milk: Any, published: Any
) -> None:
    path = f"/v1/lists/{groceries['id']}"
    ann.share(path, bob, "editor")

    ann.delete(path)
    assert published[-1].type == "todo.list.deleted"
    for user in (ann, bob):
        user.get(path, 404)
        user.get(f"/v1/tasks/{milk['id']}", 404)
        assert user.titles("/v1/tasks") == []
    assert trash(bob) == []
    bob.post(f"/v1/trash/{groceries['id']}/restore", status=404)

    assert ann.post(f"/v1/trash/{groceries['id']}/restore", status=200)["name"] == "Groceries"
    assert bob.titles(f"{path}/tasks") == ["Milk"]
    assert published[-1].type == "todo.list.updated"
    assert ann.get(f"{path}/activity")["items"][0]["action"] == "list.restored"


def test_a_task_of_a_deleted_list_waits_for_it(ann: Someone, groceries: Any, milk: Any) -> None:
    ann.delete(f"/v1/tasks/{milk['id']}")
    ann.delete(f"/v1/lists/{groceries['id']}")

    assert ann.post(f"/v1/trash/{milk['id']}/restore", status=409)["code"] == "list_in_trash"
    assert len(trash(ann)) == 2


def test_what_is_erased_is_gone(ann: Someone, groceries: Any, milk: Any, published: Any) -> None:
    ann.post(f"/v1/tasks/{milk['id']}/comments", {"body": "two"})
    child = ann.new_task(groceries["id"], "Oat", parent_id=milk["id"])
    ann.delete(f"/v1/tasks/{milk['id']}")

    ann.delete(f"/v1/trash/{milk['id']}")

    assert not Task.objects.filter(pk__in=[milk["id"], child["id"]]).exists()
    assert not Comment.objects.exists()
    assert trash(ann) == []
    ann.delete(f"/v1/trash/{milk['id']}", 404)
    assert {event.data["task_id"] for event in published.of("todo.task.deleted")[-2:]} == {milk["id"], child["id"]}
    assert ann.get(f"/v1/lists/{groceries['id']}/activity")["items"][0]["action"] == "task.erased"


def test_an_erased_list_takes_everything_along(ann: Someone, groceries: Any, milk: Any) -> None:
    ann.delete(f"/v1/tasks/{milk['id']}")
    ann.delete(f"/v1/lists/{groceries['id']}")

    ann.delete(f"/v1/trash/{groceries['id']}")

    assert not TaskList.objects.filter(pk=groceries["id"]).exists()
    assert not Task.objects.exists()
    assert not TrashEntry.objects.exists()
    assert not Activity.objects.filter(list_id=groceries["id"]).exists()


def test_the_trash_is_for_those_who_may_delete(
    ann: Someone, bob: Someone, eve: Someone, groceries: Any, milk: Any
) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "editor")
    ann.share(f"/v1/lists/{groceries['id']}", eve, "commenter")
    ann.delete(f"/v1/tasks/{milk['id']}")

    assert trash(eve) == []
    eve.delete(f"/v1/trash/{milk['id']}", 404)
    eve.post(f"/v1/trash/{milk['id']}/restore", status=404)
    bob.post(f"/v1/trash/{milk['id']}/restore", status=200)


def test_deleted_lists_need_the_scopes_of_lists(ann: Someone, someone: Any, groceries: Any, milk: Any) -> None:
    ann.delete(f"/v1/lists/{groceries['id']}")
    limited = someone("tasks:read", "tasks:write", user_id=ann.id)

    assert trash(limited) == []
    limited.delete(f"/v1/trash/{groceries['id']}", 404)
    limited.post(f"/v1/trash/{groceries['id']}/restore", status=404)


def test_who_left_meanwhile_is_not_assigned_to_what_comes_back(
    ann: Someone, bob: Someone, groceries: Any, milk: Any
) -> None:
    share = ann.share(f"/v1/lists/{groceries['id']}", bob, "editor")
    ann.patch(f"/v1/tasks/{milk['id']}", {"assignees": [ann.id, bob.id]})
    ann.delete(f"/v1/tasks/{milk['id']}")
    ann.delete(f"/v1/lists/{groceries['id']}/shares/{share['id']}")

    assert ann.post(f"/v1/trash/{milk['id']}/restore", status=200)["assignees"] == [ann.id]


def test_ranks_stay_apart_when_something_comes_back(ann: Someone, groceries: Any) -> None:
    a, b, c = (ann.new_task(groceries["id"], title) for title in "abc")
    ann.delete(f"/v1/tasks/{b['id']}")
    ann.post(f"/v1/tasks/{c['id']}/move", {"after_id": a["id"]}, 200)
    ann.post(f"/v1/trash/{b['id']}/restore", status=200)

    assert ann.titles(f"/v1/lists/{groceries['id']}/tasks") == ["a", "c", "b"]
