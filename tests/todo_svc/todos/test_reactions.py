"""What Auth tells of users: their projection, their Inbox, their invitations, the end of their data."""

from collections.abc import Callable
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from libs.contracts.auth import UserDeleted, UserRegistered, UserUpdated
from tests.todo_svc.conftest import Someone
from todo_svc.todos.models import Activity, Comment, Label, Person, Share, Task, TaskList

pytestmark = pytest.mark.django_db


def registered(user: Someone, email: str = "cleo@example.org", name: str = "Cleo") -> UserRegistered:
    return UserRegistered(user_id=user.id, email=email, display_name=name)


def updated(user: Someone, email: str = "cleo@example.org", name: str = "Cleo") -> UserUpdated:
    return UserUpdated(user_id=user.id, email=email, display_name=name)


def deleted(user: Someone) -> UserDeleted:
    return UserDeleted(user_id=user.id, email="", display_name="")


def member_names(owner: Someone, path: str) -> list[Any]:
    return [item["display_name"] for item in owner.get(f"{path}/shares")["items"]]


# -- Inbox ---------------------------------------------------------------------------------------------------------


def test_a_new_user_finds_an_inbox(ann: Someone) -> None:
    (inbox,) = ann.get("/v1/lists")["items"]

    assert (inbox["name"], inbox["is_inbox"], inbox["my_role"]) == ("Inbox", True, "owner")


def test_the_inbox_is_announced(ann: Someone, published: Any) -> None:
    (event,) = published.of("todo.list.created")

    assert event.actor_id == ann.id
    assert event.data["changes"]["is_inbox"] == {"from": None, "to": True}


def test_an_event_that_comes_twice_makes_one_inbox(someone: Any, deliver: Callable[..., Any]) -> None:
    cleo = someone()

    deliver(registered(cleo), id=str(uuid7()))
    deliver(registered(cleo), id=str(uuid7()))

    assert len(cleo.get("/v1/lists")["items"]) == 1


def test_a_request_never_makes_an_inbox(someone: Any) -> None:
    assert someone().get("/v1/lists")["items"] == []


def test_who_is_not_known_yet_can_make_lists(someone: Any, deliver: Callable[..., Any]) -> None:
    cleo = someone()
    path = f"/v1/lists/{cleo.new_list()['id']}"
    assert member_names(cleo, path) == [None]

    deliver(registered(cleo))

    assert member_names(cleo, path) == ["Cleo"]


# -- projection ----------------------------------------------------------------------------------------------------


def test_a_new_name_is_shown(ann: Someone, groceries: Any, deliver: Callable[..., Any]) -> None:
    deliver(updated(ann, name="Anna"), sequence=2)

    assert member_names(ann, f"/v1/lists/{groceries['id']}") == ["Anna"]


def test_a_late_event_overwrites_nothing(ann: Someone, groceries: Any, deliver: Callable[..., Any]) -> None:
    deliver(updated(ann, name="Newest"), sequence=3)

    deliver(updated(ann, name="Older"), sequence=2)

    assert member_names(ann, f"/v1/lists/{groceries['id']}") == ["Newest"]


def test_a_registration_that_comes_after_the_update_still_makes_the_inbox(
    someone: Any, deliver: Callable[..., Any]
) -> None:
    cleo = someone()
    deliver(updated(cleo, name="Newer"), sequence=2)

    deliver(registered(cleo), sequence=1)

    assert [each["is_inbox"] for each in cleo.get("/v1/lists")["items"]] == [True]
    assert Person.objects.get(pk=cleo.id).display_name == "Newer"


# -- invitations ---------------------------------------------------------------------------------------------------


def test_registering_makes_an_invited_address_a_member(
    ann: Someone, groceries: Any, someone: Any, deliver: Callable[..., Any], published: Any
) -> None:
    path = f"/v1/lists/{groceries['id']}"
    ann.post(f"{path}/shares", {"email": "Cleo@Example.org", "role": "editor"})
    cleo = someone()
    cleo.get(path, 404)

    deliver(registered(cleo))

    assert cleo.get(path)["my_role"] == "editor"
    assert {item["status"] for item in ann.get(f"{path}/shares")["items"]} == {"active"}
    assert published.of("todo.list.shared")[-1].data["member"] == cleo.id


def test_registering_opens_a_single_task(
    ann: Someone, milk: Any, someone: Any, deliver: Callable[..., Any], published: Any
) -> None:
    ann.post(f"/v1/tasks/{milk['id']}/shares", {"email": "cleo@example.org", "role": "viewer"})
    cleo = someone()

    deliver(registered(cleo))

    assert cleo.get(f"/v1/tasks/{milk['id']}")["my_role"] == "viewer"
    assert published.of("todo.list.shared")[-1].data["task_id"] == milk["id"]


def test_a_new_address_takes_over_its_invitation_and_keeps_the_higher_role(
    ann: Someone, bob: Someone, groceries: Any, deliver: Callable[..., Any]
) -> None:
    path = f"/v1/lists/{groceries['id']}"
    ann.share(path, bob, "viewer")
    ann.post(f"{path}/shares", {"email": "robert@example.org", "role": "editor"})

    deliver(updated(bob, email="robert@example.org", name="Bob"), sequence=2)

    assert bob.get(path)["my_role"] == "editor"
    assert len(ann.get(f"{path}/shares")["items"]) == 2


# -- the end of an account -----------------------------------------------------------------------------------------


def test_what_somebody_owned_alone_is_erased(
    *, ann: Someone, bob: Someone, groceries: Any, milk: Any, deliver: Callable[..., Any], published: Any
) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "editor")
    bob.post(f"/v1/tasks/{milk['id']}/comments", {"body": "two bottles"})
    ann.post("/v1/labels", {"name": "home"})

    deliver(deleted(ann), sequence=2)

    bob.get(f"/v1/lists/{groceries['id']}", 404)
    assert not Task.objects.exists()
    assert not Comment.objects.exists()
    assert not Label.objects.exists()
    assert not TaskList.objects.filter(inbox_of=ann.id).exists()
    assert published.of("todo.list.deleted")[-1].data["changes"] == {"erased": {"from": False, "to": True}}


def test_a_list_with_another_owner_stays_without_the_name(
    ann: Someone, bob: Someone, groceries: Any, milk: Any, deliver: Callable[..., Any]
) -> None:
    path, task = f"/v1/lists/{groceries['id']}", f"/v1/tasks/{milk['id']}"
    ann.share(path, bob, "owner")
    ann.patch(task, {"assignees": [ann.id, bob.id]})
    ann.post(f"{task}/complete", status=200)
    ann.post(f"{task}/comments", {"body": "done"})
    before = bob.get(task)["version"]

    deliver(deleted(ann), sequence=2)

    left = bob.get(task)
    assert (left["created_by"], left["completed_by"], left["assignees"]) == (None, None, [bob.id])
    assert left["version"] > before
    assert [comment["author"] for comment in bob.get(f"{task}/comments")["items"]] == [None]
    assert ann.id not in {row["actor"]["id"] for row in bob.get(f"{path}/activity")["items"]}
    assert member_names(bob, path) == ["Bob"]


def test_a_guest_who_ends_leaves_the_lists_of_others(
    *, ann: Someone, bob: Someone, groceries: Any, milk: Any, deliver: Callable[..., Any], published: Any
) -> None:
    ann.share(f"/v1/lists/{groceries['id']}", bob, "editor")
    ann.share(f"/v1/tasks/{milk['id']}", bob, "viewer")

    deliver(deleted(bob), sequence=2)

    assert not Share.objects.filter(user_id=bob.id).exists()
    assert ann.get(f"/v1/tasks/{milk['id']}")["title"] == "Milk"
    assert len(published.of("todo.list.unshared")) == 2


def test_nothing_personal_is_left_of_an_erased_user(ann: Someone, deliver: Callable[..., Any]) -> None:
    deliver(deleted(ann), sequence=2)

    person = Person.objects.get(pk=ann.id)
    assert (person.email, person.email_key, person.display_name) == ("", "", "")
    assert not Activity.objects.filter(actor_id=ann.id).exists()


def test_a_late_event_does_not_bring_an_erased_user_back(someone: Any, deliver: Callable[..., Any]) -> None:
    cleo = someone()
    deliver(deleted(cleo), sequence=3)

    deliver(registered(cleo), sequence=1)
    deliver(updated(cleo), sequence=2)

    assert Person.objects.get(pk=cleo.id).display_name == ""
    assert cleo.get("/v1/lists")["items"] == []
