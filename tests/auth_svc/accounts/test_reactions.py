"""What Auth does when something happened elsewhere."""

import pytest

from auth_svc.accounts.models import Mail
from libs.contracts.todo import InvitationCreated

pytestmark = pytest.mark.django_db

INVITATION = InvitationCreated(
    share_id="s",
    list_id="l",
    task_id=None,
    name="Groceries",
    email="bob@example.org",
    role="editor",
    invited_by="u",
    inviter_name="Ann",
)


def test_an_invited_address_gets_a_mail(deliver):
    deliver(INVITATION, id="e1")
    mail = Mail.objects.get()
    assert (mail.event_id, mail.recipient, mail.subject) == (
        "e1",
        "bob@example.org",
        "Ann shares “Groceries” with you",
    )


def test_the_same_event_delivered_twice_is_one_mail(deliver):
    deliver(INVITATION, id="e1")
    deliver(INVITATION, id="e1")
    assert Mail.objects.count() == 1


def test_two_invitations_are_two_mails(deliver):
    deliver(INVITATION)
    deliver(INVITATION)
    assert Mail.objects.count() == 2
