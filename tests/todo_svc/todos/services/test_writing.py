"""Change, history and event share one transaction."""

from typing import Any
from uuid import UUID

import pytest
import structlog

from libs.contracts.errors import PreconditionFailed
from tests.todo_svc.conftest import Someone
from todo_svc.todos.models import Activity, Task
from todo_svc.todos.services.tasks import task_update

pytestmark = pytest.mark.django_db(transaction=True)


def refuse(obj: Any) -> None:
    raise PreconditionFailed


def test_a_refused_change_leaves_no_trace(ann: Someone, milk: Any, published: Any) -> None:
    events, rows = len(published), Activity.objects.count()

    with pytest.raises(PreconditionFailed):
        task_update(actor=UUID(ann.id), task_id=UUID(milk["id"]), values={"title": "x"}, guard=refuse)

    assert Task.objects.get(pk=milk["id"]).title == "Milk"
    assert (len(published), Activity.objects.count()) == (events, rows)


def test_each_change_has_its_row_and_its_event(ann: Someone, groceries: Any, milk: Any, published: Any) -> None:
    ann.patch(f"/v1/tasks/{milk['id']}", {"title": "x"})
    ann.post(f"/v1/tasks/{milk['id']}/complete", status=200)

    actions = list(Activity.objects.filter(task_id=milk["id"]).order_by("at").values_list("action", flat=True))
    of_task = [event for event in published if event.aggregate_id == milk["id"]]
    assert [f"todo.{action}" for action in actions] == [event.type for event in of_task]
    assert [event.sequence for event in of_task] == [1, 2, 3]
    assert {event.actor_id for event in of_task} == {ann.id}


def test_what_happened_is_logged_once_it_is_committed(ann: Someone, milk: Any) -> None:
    with structlog.testing.capture_logs() as logs:
        ann.patch(f"/v1/tasks/{milk['id']}", {"title": "x"})
        ann.patch(f"/v1/tasks/{milk['id']}", {"title": ""}, 422)

    assert [(log["event"], log["aggregate_id"], log["actor_id"]) for log in logs] == [
        ("task.updated", milk["id"], ann.id)
    ]
