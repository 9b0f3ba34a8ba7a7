"""What Auth does when something happened elsewhere."""

from collections.abc import Callable

from auth_svc.accounts.services import mails
from libs.eventbus import Envelope


def invitation_created(envelope: Envelope) -> None:
    """Write to an invited address that has no account yet."""
    data = envelope.data
    mails.invitation_write(
        event_id=envelope.id, email=data["email"], inviter_name=data.get("inviter_name", ""), name=data.get("name", "")
    )


REACTIONS: dict[str, Callable[[Envelope], None]] = {"todo.invitation.created": invitation_created}
