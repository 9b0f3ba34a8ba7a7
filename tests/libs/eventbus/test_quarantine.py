"""What Events refuses again and again is sent no more, and a person decides about it."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from libs.eventbus import outbox, publish, quarantine
from libs.eventbus.envelope import Envelope
from libs.eventbus.models import OutboxEvent
from libs.eventbus.quarantine import REFUSALS, Refusal
from libs.eventbus.relay import Fate, Relay
from libs.eventbus.transports.memory import MemoryTransport
from tests.libs.eventbus.conftest import fact
from tests.libs.eventbus.test_outbox import age
from tests.libs.eventbus.test_relay import shown

pytestmark = pytest.mark.django_db


class Judge:
    """Events: stores what comes, and refuses what is `bad`."""

    def __init__(self, bus: MemoryTransport) -> None:
        self._bus = bus
        self.bad: set[str] = set()
        self.stored: set[str] = set()
        self.refused: dict[str, Refusal] = {}

    def confirm(self, ids: list[str]) -> Fate:
        return Fate(self.stored & set(ids), {each: self.refused[each] for each in ids if each in self.refused})

    def take(self) -> None:
        """Take what the broker has."""
        for envelope in self._bus.sent:
            if envelope.id in self.bad:
                times = self.refused[envelope.id].times + 1 if envelope.id in self.refused else 1
                self.refused[envelope.id] = Refusal("sequence is out of range", times)
            else:
                self.stored.add(envelope.id)
                self.refused.pop(envelope.id, None)
        self._bus.clear()


@pytest.fixture
def judge(bus: MemoryTransport) -> Judge:
    return Judge(bus)


@pytest.fixture
def relay(judge: Judge) -> Relay:
    return Relay(judge.confirm)


def turn(relay: Relay, judge: Judge) -> list[str]:
    """Let the relay send, Events take it, and the relay ask after so long that it gives up waiting; give what went."""
    relay.send()
    went = [envelope.id for envelope in judge._bus.sent]
    judge.take()
    age(sent_at=outbox.LONGEST)
    relay.settle()
    return went


@pytest.fixture
def bad(relay: Relay, judge: Judge) -> Envelope:
    """An event in quarantine."""
    envelope = publish(fact("a"))
    judge.bad.add(envelope.id)
    for _ in range(REFUSALS):
        assert turn(relay, judge) == [envelope.id]
    return envelope


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("outbox", *arguments, stdout=out)
    return out.getvalue()


def test_after_some_refusals_an_event_is_sent_no_more_and_its_reason_is_kept(
    relay: Relay, judge: Judge, bad: Envelope
) -> None:
    assert turn(relay, judge) == []
    row = OutboxEvent.objects.get()
    assert (row.refusals, row.refusal) == (REFUSALS, "sequence is out of range")
    assert row.quarantined_at is not None


def test_events_that_are_lost_never_come_into_quarantine(relay: Relay, judge: Judge, bus: MemoryTransport) -> None:
    envelope = publish(fact())
    for _ in range(REFUSALS + 1):
        relay.send()
        bus.clear()
        age(sent_at=outbox.LONGEST)
        relay.settle()
    assert turn(relay, judge) == [envelope.id]
    assert not OutboxEvent.objects.exists()


def test_an_event_that_is_taken_after_some_refusals_is_gone(relay: Relay, judge: Judge) -> None:
    envelope = publish(fact())
    judge.bad.add(envelope.id)
    for _ in range(REFUSALS - 1):
        turn(relay, judge)
    judge.bad.clear()
    turn(relay, judge)
    assert not OutboxEvent.objects.exists()


def test_one_refusal_that_is_told_of_again_and_again_is_one(relay: Relay, judge: Judge) -> None:
    envelope = publish(fact())
    judge.bad.add(envelope.id)
    turn(relay, judge)
    relay.send()
    age(sent_at=outbox.SETTLED)
    for _ in range(REFUSALS):
        relay.settle()
    assert OutboxEvent.objects.get().refusals == 1


def test_later_events_of_the_aggregate_go_on(relay: Relay, judge: Judge, bad: Envelope) -> None:
    later = publish(fact("a"))
    assert later.sequence == bad.sequence + 1
    assert turn(relay, judge) == [later.id]


def test_depth_age_and_quarantine_are_metrics_of_their_own(relay: Relay, judge: Judge, bad: Envelope) -> None:
    Relay(judge.confirm).settle()  # a new one looks at once
    assert (shown("mt_outbox_events"), shown("mt_outbox_quarantined_events")) == (0, 1)
    quarantine.drop(quarantine.quarantined())
    Relay(judge.confirm).settle()
    assert shown("mt_outbox_quarantined_events") == 0


def test_the_command_shows_what_is_in_quarantine(bad: Envelope) -> None:
    publish(fact("b"))
    first, second = run().splitlines()
    assert first.startswith("1 events wait for Events, the oldest for 0 s; 1 are in quarantine")
    assert second.startswith(f"{bad.id}\ttodo.list.updated a#1\tsince=")
    assert second.endswith(f"refusals={REFUSALS}\tsequence is out of range")


@pytest.mark.parametrize("which", [lambda bad: bad.id, lambda bad: "all"], ids=["one", "all"])
def test_a_retry_sends_again_and_one_more_refusal_is_enough(
    relay: Relay, judge: Judge, bad: Envelope, which: Any
) -> None:
    assert run("--retry", which(bad)).strip() == "1 to be sent again"
    relay.send()
    age(sent_at=outbox.SETTLED)
    relay.settle()
    assert not quarantine.quarantined().exists(), "the refusal that is known says nothing about the retry"
    judge.take()
    relay.settle()
    assert quarantine.quarantined().count() == 1


def test_a_retry_of_what_events_takes_now_ends_well(relay: Relay, judge: Judge, bad: Envelope) -> None:
    judge.bad.clear()
    run("--retry", "all")
    assert turn(relay, judge) == [bad.id]
    assert not OutboxEvent.objects.exists()


def test_a_dropped_event_is_gone(relay: Relay, judge: Judge, bad: Envelope) -> None:
    assert run("--drop", bad.id).strip() == "1 dropped"
    assert not OutboxEvent.objects.exists()


@pytest.mark.parametrize("option", ["--retry", "--drop"])
def test_only_what_is_in_quarantine_is_retried_or_dropped(option: str) -> None:
    for wrong in (publish(fact()).id, "some", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(CommandError, match=option):
            run(option, wrong)
    assert OutboxEvent.objects.count() == 1
