"""What Auth does when something happened elsewhere."""

import pytest
from django.core import mail

from libs.contracts.todo import InvitationCreated

pytestmark = pytest.mark.django_db


def invitation(**values):
    defaults = {
        "share_id": "s",
        "list_id": "l",
        "task_id": None,
        "name": "Groceries",
        "email": "bob@example.org",
        "role": "editor",
        "invited_by": "u",
        "inviter_name": "Ann",
    }
    return InvitationCreated(**{**defaults, **values})


def test_an_invited_address_gets_a_mail(deliver):
    deliver(invitation())
    (message,) = mail.outbox
    assert message.to == ["bob@example.org"]
    assert message.subject == "Ann shares “Groceries” with you"
    assert "bob@example.org" in message.body


def test_the_mail_carries_the_id_of_the_event(deliver):
    deliver(invitation(), id="019abcde-0000-7000-8000-000000000001")
    assert mail.outbox[0].message()["Message-ID"] == "<019abcde-0000-7000-8000-000000000001@micro-todo>"


def test_the_same_event_delivered_twice_is_one_mail(deliver):
    for _ in range(2):
        deliver(invitation(), id="019abcde-0000-7000-8000-000000000002")
    assert len(mail.outbox) == 1


def test_names_cannot_inject_headers(deliver):
    deliver(invitation(name="x\r\nBcc: eve@example.org", inviter_name="Ann\nB."))
    assert mail.outbox[0].subject == "Ann B. shares “x Bcc: eve@example.org” with you"
    assert mail.outbox[0].message()["Bcc"] is None
