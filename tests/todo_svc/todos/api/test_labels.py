"""Labels over HTTP."""

from typing import Any

import pytest

from tests.todo_svc.conftest import Someone

pytestmark = pytest.mark.django_db


def test_a_catalogue_is_ones_own(ann: Someone, bob: Someone) -> None:
    made = ann.post("/v1/labels", {"name": "home", "color": "teal"})
    assert made == {"id": made["id"], "version": 1, "name": "home", "color": "teal"}

    bob.post("/v1/labels", {"name": "home"})
    bob.get(f"/v1/labels/{made['id']}", 404)
    bob.patch(f"/v1/labels/{made['id']}", {"name": "x"}, 404)
    bob.delete(f"/v1/labels/{made['id']}", 404)
    assert ann.get("/v1/labels")["items"] == [made]


def test_labels_come_by_name(ann: Someone) -> None:
    for name in ("work", "home"):
        ann.post("/v1/labels", {"name": name})

    assert [item["name"] for item in ann.get("/v1/labels")["items"]] == ["home", "work"]


def test_a_name_is_there_once(ann: Someone) -> None:
    ann.post("/v1/labels", {"name": "home"})
    work = ann.post("/v1/labels", {"name": "work"})

    assert ann.post("/v1/labels", {"name": "home"}, 409)["code"] == "label_exists"
    assert ann.patch(f"/v1/labels/{work['id']}", {"name": "home"}, 409)["code"] == "label_exists"
    assert ann.post("/v1/labels", {"name": "new", "id": work["id"]}, 409)["code"] == "id_taken"


def test_renaming_and_deleting_leave_tasks_as_they_are(ann: Someone, milk: Any) -> None:
    ann.patch(f"/v1/tasks/{milk['id']}", {"labels": ["home"]})
    item = f"/v1/labels/{ann.get('/v1/labels')['items'][0]['id']}"

    assert ann.patch(item, {"name": "house"})["version"] == 2
    ann.delete(item)

    assert ann.get(f"/v1/tasks/{milk['id']}")["labels"] == ["home"]


def test_a_stale_tag_changes_nothing(ann: Someone) -> None:
    item = f"/v1/labels/{ann.post('/v1/labels', {'name': 'home'})['id']}"
    stale = {"If-Match": ann.etag(item)}
    ann.patch(item, {"color": "red"})

    assert ann.patch(item, {"color": "blue"}, 412, headers=stale)["current"]["color"] == "red"
    ann.delete(item, 412, headers=stale)


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 101}, {"name": None}, {"name": {}}])
def test_a_wrong_body_is_named(ann: Someone, body: dict[str, Any]) -> None:
    assert ann.post("/v1/labels", body, 422)["errors"][0]["pointer"] == "/name"
