"""A database full of lists and tasks survives each update of its tables."""

from collections.abc import Callable
from typing import Any

from uuid_utils.compat import uuid7

from libs.testing.migrations import Past
from tests.todo_svc.conftest import Someone

COUNT = 3000


def test_fewer_index_entries_come_to_a_full_database(past: type[Past], sign_up: Callable[[str], Someone]) -> None:
    ann, bob = sign_up("Ann"), sign_up("Bob")
    todo = ann.new_list()
    ann.share(f"/v1/lists/{todo['id']}", bob, "editor")
    parent, gone, done = (ann.new_task(todo["id"], title, labels=["x"]) for title in ("parent", "gone", "done"))
    child = ann.new_task(todo["id"], "child", parent_id=parent["id"], assignees=[bob.id])
    ann.post(f"/v1/tasks/{child['id']}/comments", {"body": "when?"})
    bob.post(f"/v1/tasks/{done['id']}/complete", status=200)
    ann.delete(f"/v1/tasks/{gone['id']}")

    before = past("todos", "0001_initial")
    task = before.model("Task")
    copied = task.objects.get(pk=child["id"])
    task.objects.bulk_create([_copy(copied, number) for number in range(COUNT)])
    kept = before.rows()
    past.go_on()
    assert before.rows() == kept

    assert ann.get(f"/v1/lists/{todo['id']}")["counts"] == {"open": COUNT + 2, "done": 1}
    assert ann.get(f"/v1/tasks/{done['id']}")["completed_by"] == bob.id
    (trashed,) = ann.get("/v1/trash")["items"]
    ann.post(f"/v1/trash/{trashed['id']}/restore", status=200)
    assert ann.get(f"/v1/tasks/{gone['id']}")["labels"] == ["x"]
    assert [each["body"] for each in bob.get(f"/v1/tasks/{child['id']}/comments")["items"]] == ["when?"]
    ann.delete(f"/v1/tasks/{parent['id']}")
    assert ann.get(f"/v1/lists/{todo['id']}")["counts"] == {"open": 1, "done": 1}, "its children went with it"


def _copy(task: Any, number: int) -> Any:
    values = {field.attname: getattr(task, field.attname) for field in task._meta.concrete_fields}
    return type(task)(**values | {"id": uuid7(), "title": f"child {number}", "rank": f"m{number:05}"})
