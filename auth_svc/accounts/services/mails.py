"""Mails: written in the transaction of their cause, sent afterwards.

A mail server that is slow or away must not hold up transactions, so the reaction only stores the mail. It is sent at
least once; a second copy after a crash has the same Message-ID, the id of the event, by which it is recognised.
"""

from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.core.mail import EmailMessage
from django.utils.timezone import now

from auth_svc.accounts.models import Mail

log = structlog.get_logger(__name__)

#: Whoever takes a mail to send it has so long.
CLAIM = timedelta(seconds=60)
#: The pause after each failure, then none: the mail is given up.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600))
INVITATION = """Hello,

{inviter} shares “{name}” with you on Micro TODO.

Register with this address ({email}) and you will find it among your lists.
"""


def invitation_write(*, event_id: str, email: str, inviter_name: str, name: str) -> None:
    """Write the mail that invites `email`."""
    inviter = _one_line(inviter_name) or "Somebody"
    shared = _one_line(name)
    Mail.objects.create(
        event_id=event_id,
        recipient=email,
        subject=f"{inviter} shares “{shared}” with you",
        body=INVITATION.format(inviter=inviter, name=shared, email=email),
    )


def mails_send_due() -> int:
    """Send the mails that are due; give how many went out."""
    due = list(Mail.objects.filter(due_at__lte=now()).order_by("due_at"))
    return sum(_send(mail) for mail in due)


def _send(mail: Mail) -> bool:
    """Send a mail outside of any transaction, unless another process has taken it."""
    if not Mail.objects.filter(pk=mail.pk, due_at=mail.due_at).update(due_at=now() + CLAIM):
        return False
    headers = {"Message-ID": f"<{mail.event_id}@micro-todo>"}
    try:
        EmailMessage(mail.subject, mail.body, to=[mail.recipient], headers=headers).send()
    except (SMTPException, OSError, ValueError) as error:
        _postpone(mail, error)
        return False
    mail.delete()
    return True


def _postpone(mail: Mail, error: Exception) -> None:
    if mail.attempts >= len(PAUSES):
        log.error("a mail is given up", event_id=mail.event_id, error=str(error))
        mail.delete()
        return
    log.warning("a mail could not be sent; it is tried again", event_id=mail.event_id, error=str(error))
    due_at = now() + PAUSES[mail.attempts]
    Mail.objects.filter(pk=mail.pk).update(due_at=due_at, attempts=mail.attempts + 1)


def _one_line(text: str) -> str:
    return " ".join(text.split())
