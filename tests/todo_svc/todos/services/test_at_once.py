"""What happens at the same moment, on real transactions."""

from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from uuid_utils.compat import uuid7

from tests.todo_svc.conftest import Someone, at_once
from todo_svc.todos.models import Label, Share, Task, TaskList
from todo_svc.todos.services.lists import inbox_ensure

pytestmark = pytest.mark.django_db(transaction=True)


def test_changes_at_once_are_all_counted(ann: Someone, milk: Any, published: Any) -> None:
    path = f"/v1/tasks/{milk['id']}"

    at_once([partial(ann.patch, path, {"title": f"Milk {number}"}) for number in range(8)])

    assert ann.get(path)["version"] == 9
    versions = [event.data["version"] for event in published.of("todo.task.updated")]
    assert versions == list(range(2, 10))


def test_of_changes_with_the_same_tag_one_wins(ann: Someone, milk: Any) -> None:
    path = f"/v1/tasks/{milk['id']}"
    headers = {"If-Match": ann.etag(path)}

    answers = at_once([partial(ann.client.patch, path, json={"title": f"Milk {n}"}, headers=headers) for n in range(6)])

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]
    assert ann.get(path)["version"] == 2


def test_a_task_completed_at_once_is_completed_once(ann: Someone, milk: Any, published: Any) -> None:
    at_once([partial(ann.post, f"/v1/tasks/{milk['id']}/complete", status=200) for _ in range(6)])

    assert ann.get(f"/v1/tasks/{milk['id']}")["version"] == 2
    assert len(published.of("todo.task.completed")) == 1


def test_moves_at_once_leave_one_order(ann: Someone, groceries: Any) -> None:
    first, *rest = (ann.new_task(groceries["id"], str(number))["id"] for number in range(7))

    at_once([partial(ann.post, f"/v1/tasks/{each}/move", {"after_id": first}, 200) for each in rest])

    ranks = list(Task.objects.order_by("rank").values_list("rank", flat=True))
    assert len(set(ranks)) == 7
    assert ann.titles(f"/v1/lists/{groceries['id']}/tasks")[0] == "0"


def test_tasks_made_at_once_have_a_place_each(ann: Someone, groceries: Any) -> None:
    at_once([partial(ann.new_task, groceries["id"], str(number)) for number in range(8)])

    assert len(set(Task.objects.values_list("rank", flat=True))) == 8


def test_two_moves_cannot_close_a_circle(ann: Someone, groceries: Any) -> None:
    a, b = (ann.new_task(groceries["id"], title)["id"] for title in "ab")

    answers = at_once(
        [
            partial(ann.client.post, f"/v1/tasks/{a}/move", json={"parent_id": b}),
            partial(ann.client.post, f"/v1/tasks/{b}/move", json={"parent_id": a}),
        ]
    )

    assert sorted(answer.status_code for answer in answers) == [200, 422]


def test_an_id_sent_at_once_makes_one_object(ann: Someone, groceries: Any) -> None:
    body = {"title": "Milk", "id": str(uuid7())}
    path = f"/v1/lists/{groceries['id']}/tasks"

    answers = at_once([partial(ann.client.post, path, json=body) for _ in range(5)])

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


def test_a_label_named_at_once_is_in_the_catalogue_once(ann: Someone, groceries: Any) -> None:
    at_once([partial(ann.new_task, groceries["id"], str(number), labels=["home"]) for number in range(5)])

    assert Label.objects.count() == 1


def test_two_owners_who_leave_at_once_leave_one(ann: Someone, bob: Someone, groceries: Any) -> None:
    path = f"/v1/lists/{groceries['id']}"
    ann.share(path, bob, "owner")
    shares = {share.user_id: share.id for share in Share.objects.filter(list_id=groceries["id"])}

    answers = at_once([partial(user.client.delete, f"{path}/shares/{shares[UUID(user.id)]}") for user in (ann, bob)])

    assert sorted(answer.status_code for answer in answers) == [204, 409]


def test_an_inbox_made_at_once_is_made_once() -> None:
    user = uuid7()

    at_once([partial(inbox_ensure_committed, user) for _ in range(5)])

    assert TaskList.objects.filter(inbox_of=user).count() == 1
    assert Share.objects.filter(user_id=user).count() == 1


def inbox_ensure_committed(user: UUID) -> None:
    with transaction.atomic():
        inbox_ensure(user=user)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_at_once_the_tree_stays_a_tree(ann: Someone, groceries: Any, seed: int) -> None:
    lists = [groceries["id"], ann.new_list("Other")["id"]]
    tasks = [ann.new_task(lists[0], str(number))["id"] for number in range(8)]

    statuses = at_once([partial(shuffle, ann, lists, tasks, Random(seed * 10 + number)) for number in range(4)])

    assert {status for each in statuses for status in each} <= {200, 201, 204, 404, 409, 422}
    by_id = {task.id: task for task in Task.objects.all()}
    for task in by_id.values():
        assert_in_place(task, by_id)
    places = [(task.list_id, task.parent_id, task.rank) for task in by_id.values()]
    assert len(set(places)) == len(places)


def shuffle(user: Someone, lists: list[str], tasks: list[str], random: Random) -> list[int]:
    """Do many things to the shape of two lists; give the statuses."""

    def ask(path: str, body: Any = None, method: str = "POST") -> int:
        return int(user.client.request(method, path, json=body).status_code)

    statuses = []
    for _ in range(25):
        one, other = random.sample(tasks, 2)
        doings = [
            partial(ask, f"/v1/tasks/{one}/move", {"parent_id": other}),
            partial(ask, f"/v1/tasks/{one}/move", {"after_id": other}),
            partial(ask, f"/v1/tasks/{one}/move", {"list_id": random.choice(lists)}),
            partial(ask, f"/v1/lists/{random.choice(lists)}/tasks", {"title": "x", "parent_id": other}),
            partial(ask, f"/v1/tasks/{one}", {"title": str(random.random())}, "PATCH"),
            partial(ask, f"/v1/tasks/{one}", None, "DELETE"),
            partial(ask, f"/v1/trash/{one}/restore"),
            partial(ask, f"/v1/trash/{other}/restore"),
        ]
        statuses.append(random.choice(doings)())
    return statuses


def assert_in_place(task: Task, by_id: dict[UUID, Task]) -> None:
    above, seen = task, set()
    while above.parent_id:
        assert above.id not in seen
        seen.add(above.id)
        parent = by_id[above.parent_id]
        assert parent.list_id == above.list_id
        assert parent.deleted_at is None or above.deleted_at is not None
        above = parent
