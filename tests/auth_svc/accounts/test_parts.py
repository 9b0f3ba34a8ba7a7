"""What runs beside the doors."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils.timezone import now

from auth_svc.accounts.models import LoginAttempts, RefreshToken, Revocation, Session, SigningKey, User
from auth_svc.accounts.parts import Mailer, Repeating, Sweeper
from auth_svc.accounts.services import housekeeping, mails

pytestmark = pytest.mark.django_db


def wait_until(condition, seconds=10):
    ticks = threading.Event()
    deadline = now() + timedelta(seconds=seconds)
    while not condition():
        assert now() < deadline, "it did not happen in time"
        ticks.wait(0.02)


@pytest.mark.django_db(transaction=True)
def test_it_makes_the_keys_and_erases_due_accounts(sign_up):
    sign_up()
    User.objects.update(erase_at=now())
    sweeper = Sweeper()
    sweeper.start()
    try:
        assert SigningKey.objects.count() == 2
        wait_until(lambda: not User.objects.exists())
    finally:
        sweeper.stop()
    assert not any(thread.name == "sweeper" for thread in threading.enumerate())


@pytest.mark.django_db(transaction=True)
def test_the_mailer_sends_what_was_written():
    mails.invitation_write(event_id="e1", email="bob@example.org", inviter_name="Ann", name="Groceries")
    mailer = Mailer()
    mailer.start()
    try:
        wait_until(lambda: len(mail.outbox) == 1)
    finally:
        mailer.stop()


@pytest.mark.django_db(transaction=True)
def test_a_failed_turn_is_followed_by_the_next():
    turns = []

    class Failing(Repeating):
        name = "failing"

        def work(self):
            turns.append(1)
            raise RuntimeError("once more")

        def pause(self):
            return 0.01

    part = Failing()
    part.start()
    try:
        wait_until(lambda: len(turns) >= 3)
    finally:
        part.stop()


def test_a_sweeper_that_never_started_stops():
    Sweeper().stop()


def test_expired_rows_go_and_living_ones_stay(ann, sign_in, sign_up):
    gone = sign_in(sign_up("bob@example.org"))
    ann.client.post("/v1/auth/logout")
    Session.objects.filter(pk=gone.grant["session_id"]).update(expires_at=now())
    Revocation.objects.update(expires_at=now())
    LoginAttempts.objects.update(window_ends_at=now())
    housekeeping.expired_purge()
    assert [str(session.id) for session in Session.objects.all()] == [ann.grant["session_id"]]
    assert RefreshToken.objects.count() == 1
    assert not Revocation.objects.exists()
    assert not LoginAttempts.objects.exists()


def test_the_command_says_how_many_accounts_it_erased(sign_up, capsys):
    sign_up()
    User.objects.update(erase_at=now())
    call_command("erase_accounts")
    assert capsys.readouterr().out.endswith("accounts erased: 1\n")
