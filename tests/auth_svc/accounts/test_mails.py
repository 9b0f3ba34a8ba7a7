"""Mails: written first, sent afterwards."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F
from django.utils.timezone import now

from auth_svc.accounts.models import Mail
from auth_svc.accounts.services import mails

pytestmark = pytest.mark.django_db


@pytest.fixture
def write():
    def run(event_id="e1", name="Groceries", inviter_name="Ann"):
        mails.invitation_write(event_id=event_id, email="bob@example.org", inviter_name=inviter_name, name=name)

    return run


def later(**span):
    Mail.objects.update(due_at=F("due_at") - timedelta(**span))


def test_an_invitation_says_who_shares_what_and_how_to_get_it(write):
    write()
    assert mails.mails_send_due() == 1
    (message,) = mail.outbox
    assert message.to == ["bob@example.org"]
    assert message.subject == "Ann shares “Groceries” with you"
    assert "bob@example.org" in message.body


def test_a_sent_mail_is_not_sent_again(write):
    write()
    assert [mails.mails_send_due() for _ in range(2)] == [1, 0]
    assert not Mail.objects.exists()


def test_a_mail_carries_the_id_of_its_event(write):
    write("019abcde-0000-7000-8000-000000000001")
    mails.mails_send_due()
    assert mail.outbox[0].message()["Message-ID"] == "<019abcde-0000-7000-8000-000000000001@micro-todo>"


def test_names_cannot_inject_headers(write):
    write(name="x\r\nBcc: eve@example.org", inviter_name="Ann\nB.")
    mails.mails_send_due()
    assert mail.outbox[0].subject == "Ann B. shares “x Bcc: eve@example.org” with you"
    assert mail.outbox[0].message()["Bcc"] is None


def test_an_inviter_without_a_name_is_somebody(write):
    write(inviter_name=" ")
    mails.mails_send_due()
    assert mail.outbox[0].subject.startswith("Somebody ")


@pytest.fixture
def server_away(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 2


def test_while_the_server_is_away_a_mail_waits_longer_each_time(write, server_away):
    write()
    waits = []
    for _ in range(2):
        assert mails.mails_send_due() == 0
        waits.append(round((Mail.objects.get().due_at - now()).total_seconds()))
        later(days=1)
    assert waits == [5, 30]


def test_a_mail_that_waits_goes_out_when_the_server_is_back(write, server_away, settings):
    write()
    mails.mails_send_due()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert mails.mails_send_due() == 0
    later(seconds=10)
    assert mails.mails_send_due() == 1


def test_a_mail_that_never_gets_through_is_given_up(write, server_away):
    write()
    Mail.objects.update(attempts=len(mails.PAUSES))
    assert mails.mails_send_due() == 0
    assert not Mail.objects.exists()


def test_one_bad_mail_does_not_hold_up_the_others(write, server_away):
    write("e1")
    write("e2")
    mails.mails_send_due()
    assert list(Mail.objects.values_list("attempts", flat=True)) == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_two_mailers_send_a_mail_once(write, at_once):
    write()
    assert sum(at_once(4, lambda _: mails.mails_send_due())) == 1
    assert len(mail.outbox) == 1


def test_an_address_that_no_mail_can_have_is_postponed_and_not_raised(write):
    write()
    Mail.objects.update(recipient="bob@example.org\nBcc: eve@example.org")
    assert mails.mails_send_due() == 0
    assert Mail.objects.get().attempts == 1
