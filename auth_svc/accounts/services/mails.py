"""Mails that Auth sends."""

from django.core.mail import EmailMessage

INVITATION = """Hello,

{inviter} shares “{name}” with you on Micro TODO.

Register with this address ({email}) and you will find it among your lists.
"""


def invitation_send(*, event_id: str, email: str, inviter_name: str, name: str) -> None:
    """Invite `email`. The event's id is the Message-ID, so a mail that is sent twice is recognised as one."""
    inviter = _one_line(inviter_name) or "Somebody"
    shared = _one_line(name)
    EmailMessage(
        subject=f"{inviter} shares “{shared}” with you",
        body=INVITATION.format(inviter=inviter, name=shared, email=email),
        to=[email],
        headers={"Message-ID": f"<{event_id}@micro-todo>"},
    ).send()


def _one_line(text: str) -> str:
    return " ".join(text.split())
