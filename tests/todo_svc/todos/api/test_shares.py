"""Sharing over HTTP."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.todo_svc.conftest import Someone

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(groceries: Any) -> str:
    return f"/v1/lists/{groceries['id']}"


def members(user: Someone, path: str) -> dict[Any, Any]:
    """Give address → share."""
    return {item["email"]: item for item in user.get(f"{path}/shares")["items"]}


def test_a_known_address_is_a_member_at_once(ann: Someone, bob: Someone, path: str, published: Any) -> None:
    answer = ann.client.post(f"{path}/shares", json={"email": "BOB@example.org", "role": "editor"})

    made = answer.json()
    assert answer.headers["Location"] == f"{path}/shares/{made['id']}"
    assert made.pop("created_at")
    assert made == {
        "id": made["id"],
        "version": 1,
        "user_id": bob.id,
        "email": bob.email,
        "display_name": "Bob",
        "role": "editor",
        "status": "active",
    }
    assert bob.get(path)["my_role"] == "editor"
    assert published[-1].type == "todo.list.shared"
    data = published[-1].data
    assert (data["member"], data["email"], data["role"], data["task_id"]) == (bob.id, bob.email, "editor", None)


def test_an_unknown_address_is_invited(ann: Someone, path: str, published: Any) -> None:
    made = ann.post(f"{path}/shares", {"email": "New@example.org", "role": "viewer"})

    assert (made["status"], made["user_id"], made["email"]) == ("invited", None, "New@example.org")
    assert published.types[-1] == "todo.invitation.created"
    data = published[-1].data
    assert (data["email"], data["name"], data["inviter_name"]) == ("New@example.org", "Groceries", "Ann")
    assert "todo.list.shared" not in published.types


def test_the_history_names_no_address(ann: Someone, path: str) -> None:
    ann.post(f"{path}/shares", {"email": "new@example.org", "role": "viewer"})

    assert "new@example.org" not in str(ann.get(f"{path}/activity"))


def test_all_members_are_named_to_each(ann: Someone, bob: Someone, path: str) -> None:
    ann.share(path, bob, "viewer")
    ann.post(f"{path}/shares", {"email": "new@example.org", "role": "commenter"})

    found = members(bob, path)

    assert {email: share["role"] for email, share in found.items()} == {
        ann.email: "owner",
        bob.email: "viewer",
        "new@example.org": "commenter",
    }


@pytest.mark.parametrize("again", ["email", "user_id", "owner", "invited"])
def test_nobody_is_added_twice(ann: Someone, bob: Someone, path: str, again: str) -> None:
    ann.share(path, bob, "viewer")
    ann.post(f"{path}/shares", {"email": "new@example.org", "role": "viewer"})
    body = {
        "email": {"email": bob.email},
        "user_id": {"user_id": bob.id},
        "owner": {"email": ann.email},
        "invited": {"email": "NEW@example.org"},
    }[again]

    assert ann.post(f"{path}/shares", {**body, "role": "editor"}, 409)["code"] == "already_shared"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"role": "viewer"}, "/email"),
        ({"email": "a@example.org"}, "/role"),
        ({"email": "nobody", "role": "viewer"}, "/email"),
        ({"email": 7, "role": "viewer"}, "/email"),
        ({"email": "a@example.org", "role": "king"}, "/role"),
        ({"email": "a@example.org", "role": ["viewer"]}, "/role"),
        ({"email": "a@example.org", "user_id": str(uuid7()), "role": "viewer"}, "/email"),
        ({"user_id": str(uuid7()), "role": "viewer"}, "/user_id"),
        ({"email": "a@example.org", "role": "viewer", "status": "active"}, "/status"),
    ],
)
def test_a_wrong_body_is_named_and_shares_nothing(ann: Someone, path: str, body: dict[str, Any], pointer: str) -> None:
    problem = ann.post(f"{path}/shares", body, 422)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert list(members(ann, path)) == [ann.email]


def test_a_role_can_be_changed(ann: Someone, bob: Someone, path: str, published: Any) -> None:
    share = f"{path}/shares/{ann.share(path, bob, 'viewer')['id']}"
    tag = ann.etag(share)

    assert ann.patch(share, {"role": "editor"}, headers={"If-Match": tag})["version"] == 2
    assert ann.patch(share, {"role": "commenter"}, 412, headers={"If-Match": tag})["current"]["role"] == "editor"

    assert bob.get(path)["my_role"] == "editor"
    assert published[-1].type == "todo.list.shared"
    assert published[-1].data["changes"]["role"] == {"from": "viewer", "to": "editor"}
    before = len(published)
    ann.patch(share, {"role": "editor"})
    ann.patch(share, {})
    assert len(published) == before


def test_removing_a_member_closes_the_list(ann: Someone, bob: Someone, path: str, milk: Any, published: Any) -> None:
    share = ann.share(path, bob, "editor")
    ann.patch(f"/v1/tasks/{milk['id']}", {"assignees": [ann.id, bob.id]})

    ann.delete(f"{path}/shares/{share['id']}")

    bob.get(path, 404)
    assert published.of("todo.list.unshared")[-1].data["member"] == bob.id
    assert ann.get(f"/v1/tasks/{milk['id']}")["assignees"] == [ann.id]


def test_an_invitation_can_be_taken_back(ann: Someone, path: str) -> None:
    share = ann.post(f"{path}/shares", {"email": "new@example.org", "role": "viewer"})
    ann.patch(f"{path}/shares/{share['id']}", {"role": "editor"})

    ann.delete(f"{path}/shares/{share['id']}")

    assert list(members(ann, path)) == [ann.email]


def test_a_member_may_leave_and_manage_nobody_else(ann: Someone, bob: Someone, eve: Someone, path: str) -> None:
    mine = ann.share(path, bob, "editor")
    other = ann.share(path, eve, "viewer")

    bob.post(f"{path}/shares", {"email": "a@example.org", "role": "viewer"}, 403)
    bob.patch(f"{path}/shares/{mine['id']}", {"role": "owner"}, 403)
    bob.delete(f"{path}/shares/{other['id']}", 403)
    bob.delete(f"{path}/shares/{mine['id']}")

    bob.get(path, 404)


def test_the_last_owner_stays(ann: Someone, bob: Someone, path: str) -> None:
    mine = f"{path}/shares/{members(ann, path)[ann.email]['id']}"
    ann.post(f"{path}/shares", {"email": "new@example.org", "role": "owner"})

    assert ann.delete(mine, 409)["code"] == "last_owner"
    assert ann.patch(mine, {"role": "editor"}, 409)["code"] == "last_owner"

    ann.share(path, bob, "owner")
    ann.delete(mine)
    assert bob.get(path)["my_role"] == "owner"


def test_a_share_is_found_at_its_own_list_only(ann: Someone, bob: Someone, path: str) -> None:
    share = ann.share(path, bob, "viewer")
    other = ann.new_list("Other")

    ann.get(f"/v1/lists/{other['id']}/shares/{share['id']}", 404)
    ann.delete(f"/v1/lists/{other['id']}/shares/{share['id']}", 404)
    assert ann.get(f"{path}/shares/{share['id']}")["id"] == share["id"]


# -- single tasks --------------------------------------------------------------------------------------------------


def test_a_guest_of_a_task_sees_who_owns_it_and_no_other_member(
    ann: Someone, bob: Someone, eve: Someone, path: str, milk: Any
) -> None:
    ann.share(path, eve, "editor")
    ann.share(f"/v1/tasks/{milk['id']}", bob, "viewer")

    assert set(members(bob, f"/v1/tasks/{milk['id']}")) == {ann.email, bob.email}
    assert set(members(ann, f"/v1/tasks/{milk['id']}")) == {ann.email, bob.email, eve.email}


def test_a_share_of_the_list_is_changed_at_the_list(ann: Someone, bob: Someone, path: str, milk: Any) -> None:
    share = ann.share(path, bob, "viewer")

    assert ann.delete(f"/v1/tasks/{milk['id']}/shares/{share['id']}", 409)["code"] == "inherited_share"
    assert ann.patch(f"/v1/tasks/{milk['id']}/shares/{share['id']}", {"role": "editor"}, 409)


def test_only_owners_share_a_task(ann: Someone, bob: Someone, eve: Someone, path: str, milk: Any) -> None:
    task = f"/v1/tasks/{milk['id']}"
    ann.share(path, bob, "editor")

    bob.post(f"{task}/shares", {"user_id": eve.id, "role": "viewer"}, 403)
    share = ann.share(task, eve, "viewer")
    assert ann.patch(f"{task}/shares/{share['id']}", {"role": "commenter"})["role"] == "commenter"

    eve.delete(f"{task}/shares/{share['id']}")
    eve.get(task, 404)


def test_a_task_of_the_inbox_can_be_shared(ann: Someone, bob: Someone) -> None:
    inbox = ann.get("/v1/lists")["items"][0]
    task = ann.new_task(inbox["id"], "Call")

    ann.share(f"/v1/tasks/{task['id']}", bob, "viewer")

    assert bob.titles("/v1/tasks") == ["Call"]


def test_a_token_without_the_scope_shares_nothing(someone: Any, ann: Someone, path: str) -> None:
    limited = someone("lists:read", "lists:write", "tasks:read", "tasks:write", user_id=ann.id)

    limited.get(f"{path}/shares")
    problem = limited.post(f"{path}/shares", {"email": "a@example.org", "role": "viewer"}, 403)

    assert problem["code"] == "insufficient_scope"
