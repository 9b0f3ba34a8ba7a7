"""What TODO does when others publish: one table."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from libs.eventbus import Envelope
from todo_svc.todos.services.people import person_erase, person_register, person_update


def user_registered(event: Envelope) -> None:
    """Project the user, make their Inbox, accept their invitations."""
    person_register(**_person(event), sequence=event.sequence)


def user_updated(event: Envelope) -> None:
    """Project the new address or name."""
    person_update(**_person(event), sequence=event.sequence)


def user_deleted(event: Envelope) -> None:
    """Erase the user's data."""
    person_erase(user_id=UUID(event.data["user_id"]), sequence=event.sequence)


def _person(event: Envelope) -> dict[str, Any]:
    data = event.data
    return {"user_id": UUID(data["user_id"]), "email": data["email"], "display_name": data["display_name"]}


REACTIONS: dict[str, Callable[[Envelope], None]] = {
    "auth.user.registered": user_registered,
    "auth.user.updated": user_updated,
    "auth.user.deleted": user_deleted,
}
