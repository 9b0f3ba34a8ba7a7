"""Lists over HTTP."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.todo_svc.conftest import Someone

pytestmark = pytest.mark.django_db


def test_a_new_list_is_shown_as_the_contract_says(ann: Someone) -> None:
    answer = ann.client.post("/v1/lists", json={"name": "Trip", "color": "#ff8800"})

    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/lists/{made['id']}"
    assert answer.headers["ETag"].startswith('"v1-owner')
    assert made.pop("created_at") == made.pop("updated_at")
    assert made.pop("rank")
    assert made.pop("id")[14] == "7"
    assert made == {
        "version": 1,
        "name": "Trip",
        "color": "#ff8800",
        "archived": False,
        "is_inbox": False,
        "my_role": "owner",
        "counts": {"open": 0, "done": 0},
    }


def test_lists_come_in_the_order_they_were_made(ann: Someone) -> None:
    for name in ("B", "A", "C"):
        ann.new_list(name)

    assert [item["name"] for item in ann.get("/v1/lists")["items"]] == ["Inbox", "B", "A", "C"]


def test_pages_repeat_and_skip_nothing(ann: Someone) -> None:
    for number in range(5):
        ann.new_list(str(number))

    found, cursor = [], ""
    while cursor is not None:
        answer = ann.client.get(f"/v1/lists?limit=2{cursor and '&cursor=' + cursor}")
        found += [item["name"] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]

    assert found == ["Inbox", "0", "1", "2", "3", "4"]


def test_counts_tell_what_is_open_and_done(ann: Someone, groceries: Any) -> None:
    tasks = [ann.new_task(groceries["id"], title)["id"] for title in "abcd"]
    ann.post(f"/v1/tasks/{tasks[0]}/complete", status=200)
    ann.patch(f"/v1/tasks/{tasks[1]}", {"status": "cancelled"})
    ann.delete(f"/v1/tasks/{tasks[2]}")

    assert ann.get(f"/v1/lists/{groceries['id']}")["counts"] == {"open": 1, "done": 1}


def test_any_number_of_lists_takes_one_query(ann: Someone, django_assert_num_queries: Any) -> None:
    for name in "abc":
        ann.new_task(ann.new_list(name)["id"])

    with django_assert_num_queries(1):
        assert len(ann.get("/v1/lists")["items"]) == 4


def test_a_patch_touches_only_what_it_names(ann: Someone, groceries: Any, published: Any) -> None:
    ann.patch(f"/v1/lists/{groceries['id']}", {"color": "teal"})

    changed = ann.patch(f"/v1/lists/{groceries['id']}", {"name": "Food"})

    assert (changed["name"], changed["color"], changed["version"]) == ("Food", "teal", 3)
    assert published[-1].type == "todo.list.updated"
    assert published[-1].data["changes"] == {"name": {"from": "Groceries", "to": "Food"}}


@pytest.mark.parametrize("patch", [{}, {"name": "Groceries"}])
def test_a_patch_that_changes_nothing_counts_no_version(
    ann: Someone, groceries: Any, patch: dict[str, str], published: Any
) -> None:
    before = len(published)

    assert ann.patch(f"/v1/lists/{groceries['id']}", patch)["version"] == 1
    assert len(published) == before


def test_null_takes_the_colour_away(ann: Someone) -> None:
    made = ann.new_list(color="teal")

    assert ann.patch(f"/v1/lists/{made['id']}", {"color": None})["color"] is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": 7}, "/name"),
        ({"name": "a\u0000b"}, "/name"),
        ({"name": "a", "color": "#12"}, "/color"),
        ({"name": "a", "rank": "a0"}, "/rank"),
        ({"name": "a", "id": "7"}, "/id"),
        ({"name": "a", "id": 7}, "/id"),
    ],
)
def test_a_wrong_body_is_named_and_makes_nothing(ann: Someone, body: dict[str, Any], pointer: str) -> None:
    problem = ann.post("/v1/lists", body, 422)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert len(ann.get("/v1/lists")["items"]) == 1


def test_an_archived_list_can_be_asked_for(ann: Someone, groceries: Any, published: Any) -> None:
    path = f"/v1/lists/{groceries['id']}"

    assert ann.post(f"{path}/archive", status=200)["archived"] is True
    assert ann.post(f"{path}/archive", status=200)["version"] == 2

    assert [item["id"] for item in ann.get("/v1/lists?archived=true")["items"]] == [groceries["id"]]
    assert ann.post(f"{path}/unarchive", status=200)["archived"] is False
    assert published.types[-2:] == ["todo.list.updated"] * 2


@pytest.mark.parametrize("method", ["delete", "archive", "share"])
def test_the_inbox_stays_what_it_is(ann: Someone, method: str) -> None:
    inbox = f"/v1/lists/{ann.get('/v1/lists')['items'][0]['id']}"

    if method == "delete":
        problem = ann.delete(inbox, 409)
    elif method == "archive":
        problem = ann.post(f"{inbox}/archive", status=409)
    else:
        problem = ann.post(f"{inbox}/shares", {"email": "a@example.org", "role": "viewer"}, 409)

    assert problem["code"] == "inbox_is_fixed"
    assert ann.patch(inbox, {"name": "In"})["name"] == "In"


# -- ids -----------------------------------------------------------------------------------------------------------


def test_a_client_may_choose_the_id(ann: Someone) -> None:
    wanted = str(uuid7())

    assert ann.new_list(id=wanted)["id"] == wanted


def test_an_id_that_is_taken_is_refused_and_tells_nothing(ann: Someone, eve: Someone, groceries: Any) -> None:
    problem = eve.post("/v1/lists", {"name": "Mine", "id": groceries["id"]}, 409)

    assert problem["code"] == "id_taken"
    assert "Groceries" not in str(problem)
    assert ann.get(f"/v1/lists/{groceries['id']}")["name"] == "Groceries"


# -- who -----------------------------------------------------------------------------------------------------------


def test_strangers_find_nothing(eve: Someone, groceries: Any) -> None:
    path = f"/v1/lists/{groceries['id']}"

    eve.get(path, 404)
    eve.patch(path, {"name": "x"}, 404)
    eve.delete(path, 404)
    eve.post(f"{path}/archive", status=404)
    eve.get(f"{path}/activity", 404)
    eve.get(f"{path}/tasks", 404)
    eve.get(f"{path}/shares", 404)
    eve.post(f"{path}/tasks", {"title": "x"}, 404)


def test_an_editor_may_not_rename_archive_or_delete(ann: Someone, bob: Someone, groceries: Any) -> None:
    path = f"/v1/lists/{groceries['id']}"
    ann.share(path, bob, "editor")

    assert bob.patch(path, {"name": "x"}, 403)["code"] == "role_too_low"
    bob.post(f"{path}/archive", status=403)
    bob.delete(path, 403)
    assert bob.get(path)["my_role"] == "editor"


@pytest.mark.parametrize(
    ("scopes", "method", "path"),
    [
        (("lists:write",), "GET", "/v1/lists"),
        (("lists:read",), "POST", "/v1/lists"),
        (("lists:read", "lists:write"), "GET", "/v1/tasks"),
        (("tasks:read",), "POST", "/v1/labels"),
    ],
)
def test_a_token_without_the_scope_is_refused(someone: Any, scopes: tuple[str, ...], method: str, path: str) -> None:
    answer = someone(*scopes).client.request(method, path, json={"name": "x"} if method == "POST" else None)

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_nobody_without_a_token(api: Any) -> None:
    answer = api.anonymous().get("/v1/lists")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


# -- preconditions -------------------------------------------------------------------------------------------------


def test_a_stale_if_match_shows_the_list_as_it_is(ann: Someone, groceries: Any) -> None:
    path = f"/v1/lists/{groceries['id']}"
    stale = {"If-Match": ann.etag(path)}
    ann.patch(path, {"name": "Food"})

    for problem in (
        ann.patch(path, {"name": "x"}, 412, headers=stale),
        ann.delete(path, 412, headers=stale),
        ann.post(f"{path}/archive", status=412, headers=stale),
    ):
        assert problem["current"] == ann.get(path)


def test_the_tag_of_what_one_has_saves_the_body(ann: Someone, groceries: Any) -> None:
    path = f"/v1/lists/{groceries['id']}"
    tag = ann.etag(path)

    assert ann.client.get(path, headers={"If-None-Match": tag}).status_code == 304
    ann.new_task(groceries["id"])
    assert ann.client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_new_task_makes_no_tag_stale_for_writing(ann: Someone, groceries: Any) -> None:
    path = f"/v1/lists/{groceries['id']}"
    tag = ann.etag(path)
    ann.new_task(groceries["id"])

    assert ann.patch(path, {"name": "Food"}, headers={"If-Match": tag})["name"] == "Food"


def test_tags_differ_by_role(ann: Someone, bob: Someone, groceries: Any, milk: Any) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "viewer")

    for path in (f"/v1/lists/{groceries['id']}", f"/v1/tasks/{milk['id']}"):
        assert ann.etag(path) != bob.etag(path)


def test_a_repeated_request_with_its_key_makes_one_list(ann: Someone) -> None:
    first, again = (
        ann.client.post("/v1/lists", json={"name": "Once"}, headers={"Idempotency-Key": "k1"}) for _ in range(2)
    )

    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [item["name"] for item in ann.get("/v1/lists")["items"]] == ["Inbox", "Once"]


# -- history -------------------------------------------------------------------------------------------------------


def test_the_history_of_a_list_tells_who_did_what(ann: Someone, groceries: Any) -> None:
    path = f"/v1/lists/{groceries['id']}"
    ann.patch(path, {"name": "Food"})
    task = ann.new_task(groceries["id"])

    made, renamed, created = ann.get(f"{path}/activity")["items"]
    assert (made["action"], made["task_id"]) == ("task.created", task["id"])
    assert renamed["actor"] == {"id": ann.id, "display_name": "Ann"}
    assert renamed["changes"] == {"name": {"from": "Groceries", "to": "Food"}}
    assert (created["action"], created["task_id"]) == ("list.created", None)
