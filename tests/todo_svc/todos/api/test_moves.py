"""Moving tasks over HTTP: rank, parent, list."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.todo_svc.conftest import Someone
from todo_svc.todos.services.places import MAX_DEPTH

pytestmark = pytest.mark.django_db


@pytest.fixture
def letters(ann: Someone, groceries: Any) -> dict[str, str]:
    """Tasks a, b, c, d in one list: title → id."""
    return {title: ann.new_task(groceries["id"], title)["id"] for title in "abcd"}


def order(user: Someone, list_id: str) -> str:
    return "".join(user.titles(f"/v1/lists/{list_id}/tasks"))


@pytest.mark.parametrize(
    ("who", "to", "expected"),
    [
        ("d", {"before_id": "a"}, "dabc"),
        ("a", {"after_id": "d"}, "bcda"),
        ("a", {"after_id": "b"}, "bacd"),
        ("d", {"before_id": "c"}, "abdc"),
        ("a", {"before_id": "b"}, "abcd"),
        ("b", {"after_id": "a"}, "abcd"),
    ],
)
def test_a_task_goes_next_to_another(
    *, ann: Someone, groceries: Any, letters: dict[str, str], who: str, to: dict[str, str], expected: str
) -> None:
    ann.post(f"/v1/tasks/{letters[who]}/move", {name: letters[other] for name, other in to.items()}, 200)

    assert order(ann, groceries["id"]) == expected


def test_a_move_is_told(ann: Someone, letters: dict[str, str], published: Any) -> None:
    ann.post(f"/v1/tasks/{letters['b']}/move", {"parent_id": letters["a"]}, 200)

    assert published[-1].type == "todo.task.moved"
    assert published[-1].data["changes"]["parent_id"] == {"from": None, "to": letters["a"]}


def test_many_moves_into_one_gap_keep_the_order(ann: Someone, groceries: Any, letters: dict[str, str]) -> None:
    for _ in range(8):
        ann.post(f"/v1/tasks/{letters['d']}/move", {"after_id": letters["a"]}, 200)
        ann.post(f"/v1/tasks/{letters['c']}/move", {"after_id": letters["a"]}, 200)

    assert order(ann, groceries["id"]) == "acdb"


def test_a_place_among_subtasks_is_that_of_their_parent(ann: Someone, groceries: Any, letters: dict[str, str]) -> None:
    child = ann.new_task(groceries["id"], "child", parent_id=letters["a"])

    moved = ann.post(f"/v1/tasks/{letters['d']}/move", {"before_id": child["id"]}, 200)

    assert moved["parent_id"] == letters["a"]
    assert moved["rank"] < child["rank"]


@pytest.mark.parametrize("body", [{}, {"parent_id": None}])
def test_a_move_to_where_it_is_changes_nothing(ann: Someone, letters: dict[str, str], body: dict[str, Any]) -> None:
    assert ann.post(f"/v1/tasks/{letters['b']}/move", body, 200)["version"] == 1


def test_a_task_moves_with_all_below_it(ann: Someone, groceries: Any, letters: dict[str, str], published: Any) -> None:
    child = ann.new_task(groceries["id"], "child", parent_id=letters["a"])
    grandchild = ann.new_task(groceries["id"], "grandchild", parent_id=child["id"])
    other = ann.new_list("Other")
    ann.delete(f"/v1/tasks/{grandchild['id']}")

    moved = ann.post(f"/v1/tasks/{letters['a']}/move", {"list_id": other["id"]}, 200)

    assert moved["list_id"] == other["id"]
    assert ann.get(f"/v1/tasks/{child['id']}")["list_id"] == other["id"]
    assert ann.get(f"/v1/tasks/{child['id']}")["parent_id"] == letters["a"]
    assert ann.post(f"/v1/trash/{grandchild['id']}/restore", status=200)["list_id"] == other["id"]
    assert {event.data["task_id"] for event in published.of("todo.task.moved")} == {letters["a"], child["id"]}
    assert order(ann, groceries["id"]) == "bcd"


def test_a_subtask_that_changes_the_list_comes_to_the_top(ann: Someone, groceries: Any, letters: Any) -> None:
    child = ann.new_task(groceries["id"], "child", parent_id=letters["a"])
    other = ann.new_list("Other")

    assert ann.post(f"/v1/tasks/{child['id']}/move", {"list_id": other["id"]}, 200)["parent_id"] is None


def test_a_patch_moves_to_the_end(ann: Someone, groceries: Any, letters: dict[str, str]) -> None:
    other = ann.new_list("Other")
    ann.new_task(other["id"], "x")

    changed = ann.patch(f"/v1/tasks/{letters['a']}", {"list_id": other["id"], "title": "y"})

    assert (changed["version"], changed["title"]) == (2, "y")
    assert order(ann, other["id"]) == "xy"


def test_those_who_cannot_see_the_new_list_are_not_assigned_there(
    ann: Someone, bob: Someone, groceries: Any, letters: dict[str, str]
) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "editor")
    ann.patch(f"/v1/tasks/{letters['a']}", {"assignees": [ann.id, bob.id]})

    moved = ann.post(f"/v1/tasks/{letters['a']}/move", {"list_id": ann.new_list("Private")["id"]}, 200)

    assert moved["assignees"] == [ann.id]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"parent_id": "a"}, "/parent_id"),
        ({"parent_id": "child"}, "/parent_id"),
        ({"parent_id": "foreign"}, "/parent_id"),
        ({"parent_id": "nothing"}, "/parent_id"),
        ({"after_id": "a"}, "/after_id"),
        ({"after_id": "foreign"}, "/after_id"),
        ({"before_id": "nothing"}, "/before_id"),
        ({"parent_id": None, "after_id": "child"}, "/after_id"),
        ({"after_id": "b", "before_id": "c"}, "/before_id"),
        ({"rank": "a0"}, "/rank"),
    ],
)
def test_an_impossible_place_is_named(
    ann: Someone, groceries: Any, letters: dict[str, str], body: dict[str, Any], pointer: str
) -> None:
    known = {
        **letters,
        "child": ann.new_task(groceries["id"], "child", parent_id=letters["a"])["id"],
        "foreign": ann.new_task(ann.new_list("Other")["id"], "foreign")["id"],
        "nothing": str(uuid7()),
    }
    before = ann.get(f"/v1/tasks/{letters['a']}")

    body = {name: known.get(value, value) for name, value in body.items()}
    problem = ann.post(f"/v1/tasks/{letters['a']}/move", body, 422)

    assert problem["errors"][0]["pointer"] == pointer
    assert ann.get(f"/v1/tasks/{letters['a']}") == before


def test_tasks_nest_only_so_deep(ann: Someone, groceries: Any) -> None:
    parent = None
    for _ in range(MAX_DEPTH):
        parent = ann.new_task(groceries["id"], "x", parent_id=parent)["id"]

    path = f"/v1/lists/{groceries['id']}/tasks"
    assert ann.post(path, {"title": "x", "parent_id": parent}, 422)["errors"][0]["code"] == "too_deep"


def test_moving_needs_an_editor_at_both_ends(ann: Someone, bob: Someone, groceries: Any, letters: Any) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "editor")
    hidden, readable = ann.new_list("Hidden"), ann.new_list("Readable")
    ann.share(f"/v1/lists/{readable['id']}", bob, "viewer")
    own = bob.new_list("Bob's")
    path = f"/v1/tasks/{letters['a']}/move"

    bob.post(path, {"list_id": hidden["id"]}, 404)
    bob.post(path, {"list_id": readable["id"]}, 403)
    bob.post(path, {"list_id": own["id"]}, 200)
    ann.get(f"/v1/tasks/{letters['a']}", 404)
