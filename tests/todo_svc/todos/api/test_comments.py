"""Comments over HTTP."""

from typing import Any

import pytest

from tests.todo_svc.conftest import Someone

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(milk: Any) -> str:
    return f"/v1/tasks/{milk['id']}/comments"


def test_a_comment_is_shown_as_the_contract_says(ann: Someone, path: str, milk: Any, published: Any) -> None:
    answer = ann.client.post(path, json={"body": "Two *bottles*\n"})

    made = answer.json()
    assert answer.headers["Location"] == f"{path}/{made['id']}"
    assert made.pop("created_at") == made.pop("updated_at")
    assert made == {"id": made["id"], "version": 1, "body": "Two *bottles*\n", "author": ann.id}
    assert published[-1].type == "todo.comment.created"
    assert (published[-1].data["comment_id"], published[-1].aggregate_id) == (made["id"], milk["id"])


def test_comments_come_in_the_order_they_were_written(ann: Someone, path: str) -> None:
    for body in "abc":
        ann.post(path, {"body": body})

    assert [item["body"] for item in ann.get(path)["items"]] == ["a", "b", "c"]


def test_an_author_changes_the_own_text(ann: Someone, path: str, published: Any) -> None:
    item = f"{path}/{ann.post(path, {'body': 'a'})['id']}"
    tag, before = ann.etag(item), len(published)

    assert ann.patch(item, {"body": "b"}, headers={"If-Match": tag})["version"] == 2
    assert ann.patch(item, {"body": "c"}, 412, headers={"If-Match": tag})["current"]["body"] == "b"
    assert ann.patch(item, {})["version"] == 2
    assert len(published) == before


def test_others_do_not(ann: Someone, bob: Someone, groceries: Any, path: str) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "editor")
    item = f"{path}/{ann.post(path, {'body': 'a'})['id']}"

    bob.patch(item, {"body": "b"}, 403)
    bob.delete(item, 403)


def test_an_owner_of_the_list_deletes_any(
    ann: Someone, bob: Someone, groceries: Any, path: str, published: Any
) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "commenter")
    made = bob.post(path, {"body": "rude"})

    ann.patch(f"{path}/{made['id']}", {"body": "kind"}, 403)
    ann.delete(f"{path}/{made['id']}")

    assert published[-1].type == "todo.comment.deleted"
    ann.get(f"{path}/{made['id']}", 404)


def test_a_viewer_reads_only(ann: Someone, bob: Someone, milk: Any, path: str) -> None:
    ann.post(path, {"body": "a"})
    ann.share(f"/v1/tasks/{milk['id']}", bob, "viewer")

    assert len(bob.get(path)["items"]) == 1
    bob.post(path, {"body": "b"}, 403)


def test_a_comment_is_found_at_its_own_task_only(ann: Someone, groceries: Any, path: str) -> None:
    made = ann.post(path, {"body": "a"})
    other = ann.new_task(groceries["id"], "Other")

    ann.get(f"/v1/tasks/{other['id']}/comments/{made['id']}", 404)
    ann.delete(f"/v1/tasks/{other['id']}/comments/{made['id']}", 404)


@pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": " \n"}, {"body": 7}, {"body": "x" * 65537}])
def test_a_wrong_body_is_named(ann: Someone, path: str, body: dict[str, Any]) -> None:
    assert ann.post(path, body, 422)["errors"][0]["pointer"] == "/body"


def test_comments_are_part_of_the_history_of_the_task(ann: Someone, milk: Any, path: str) -> None:
    item = f"{path}/{ann.post(path, {'body': 'a'})['id']}"
    ann.patch(item, {"body": "b"})
    ann.delete(item)

    actions = [row["action"] for row in ann.get(f"/v1/tasks/{milk['id']}/activity")["items"]]
    assert actions == ["comment.deleted", "comment.updated", "comment.created", "task.created"]
