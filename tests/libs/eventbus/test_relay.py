"""The relay sends what is due and keeps it until Events has it."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction

from libs.contracts.errors import Unavailable
from libs.contracts.names import QUEUE_EVENTS, TASK_PUBLISH
from libs.eventbus import outbox, publish
from libs.eventbus.batches import MAX_BYTES, MAX_EVENTS, split
from libs.eventbus.envelope import Envelope
from libs.eventbus.models import OutboxEvent
from libs.eventbus.relay import Fate, Pace, Relay
from libs.eventbus.transports import TransportError
from libs.eventbus.transports.memory import MemoryTransport
from libs.telemetry import metrics
from tests.libs.eventbus.conftest import fact
from tests.libs.eventbus.test_outbox import age


def shown(name: str) -> float:
    (line,) = [each for each in metrics.render().decode().splitlines() if each.startswith(f"{name} ")]
    return float(line.split()[1])


class Ledger:
    """Events, as far as the relay knows it."""

    def __init__(self) -> None:
        self.stored: set[str] = set()
        self.away = False

    def confirm(self, ids: list[str]) -> Fate:
        if self.away:
            raise Unavailable
        return Fate(self.stored & set(ids))


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def relay(ledger: Ledger, bus: MemoryTransport) -> Relay:
    return Relay(ledger.confirm)


@pytest.mark.django_db
def test_due_events_go_out_as_one_signed_batch(relay: Relay, bus: MemoryTransport) -> None:
    published = [publish(fact("a")), publish(fact("b"))]
    relay.send()
    (message,) = bus.messages
    assert (message.task, message.queue, message.source) == (TASK_PUBLISH, QUEUE_EVENTS, "todo")
    assert bus.sent == published


@pytest.mark.django_db
def test_a_row_stays_until_events_has_stored_it(relay: Relay, bus: MemoryTransport, ledger: Ledger) -> None:
    published = publish(fact())
    relay.send()
    age(sent_at=outbox.SETTLED)
    relay.settle()
    assert OutboxEvent.objects.exists()
    ledger.stored.add(published.id)
    relay.settle()
    assert not OutboxEvent.objects.exists()


@pytest.mark.django_db
def test_a_broker_that_is_away_loses_nothing(relay: Relay, bus: MemoryTransport) -> None:
    published = publish(fact())
    bus.broken = True
    with pytest.raises(TransportError):
        relay.send()
    bus.broken = False
    relay.send()
    assert bus.sent == [published]


@pytest.mark.django_db
def test_a_broker_that_lost_the_batch_gets_it_again(relay: Relay, bus: MemoryTransport) -> None:
    published = publish(fact())
    relay.send()
    bus.clear()
    age(sent_at=outbox.RESEND)
    relay.settle()
    relay.send()
    assert bus.sent == [published]


def sent_one_after_the_other(relay: Relay) -> tuple[Envelope, Envelope]:
    first = publish(fact("a"))
    relay.send()
    age(sent_at=timedelta(seconds=1))
    second = publish(fact("b"))
    relay.send()
    age(sent_at=outbox.SETTLED)
    return first, second


@pytest.mark.django_db
def test_a_batch_that_a_later_one_has_overtaken_is_sent_again_soon(
    relay: Relay, bus: MemoryTransport, ledger: Ledger
) -> None:
    """Long before Events gives up waiting for its sequences: later ones may be stored already."""
    first, second = sent_one_after_the_other(relay)
    ledger.stored.add(second.id)
    relay.settle()
    bus.clear()
    age(sent_at=outbox.OVERTAKEN)
    relay.settle()
    relay.send()
    assert bus.sent == [first]


@pytest.mark.django_db
def test_batches_that_only_wait_in_a_queue_are_not_sent_again(
    relay: Relay, bus: MemoryTransport, ledger: Ledger
) -> None:
    first, _ = sent_one_after_the_other(relay)
    ledger.stored.add(first.id)
    bus.clear()
    age(sent_at=outbox.OVERTAKEN)
    relay.settle()
    relay.settle()
    relay.send()
    assert bus.sent == []


@pytest.mark.django_db
def test_a_long_queue_is_not_sent_again_while_events_works_on_it(
    relay: Relay, bus: MemoryTransport, ledger: Ledger
) -> None:
    first, _ = sent_one_after_the_other(relay)
    bus.clear()
    age(sent_at=outbox.RESEND)
    ledger.stored.add(first.id)
    relay.settle()
    relay.send()
    assert bus.sent == []


@pytest.mark.django_db
def test_nothing_is_sent_again_only_because_events_is_away(relay: Relay, bus: MemoryTransport, ledger: Ledger) -> None:
    publish(fact())
    relay.send()
    ledger.away = True
    age(sent_at=outbox.LONGEST)
    with pytest.raises(Unavailable):
        relay.settle()
    relay.send()
    assert len(bus.messages) == 1


@pytest.mark.django_db
def test_depth_and_age_of_the_outbox_are_metrics_also_while_events_is_away(
    ledger: Ledger, bus: MemoryTransport
) -> None:
    publish(fact("a"))
    publish(fact("b"))
    OutboxEvent.objects.update(time="2026-01-01T00:00:00Z", sent_at="2026-01-01T00:00:00Z")
    ledger.away = True
    with pytest.raises(Unavailable):
        Relay(ledger.confirm).settle()
    assert shown("mt_outbox_events") == 2
    assert shown("mt_outbox_age_seconds") > 3600
    OutboxEvent.objects.all().delete()
    Relay(ledger.confirm).settle()
    assert (shown("mt_outbox_events"), shown("mt_outbox_age_seconds")) == (0, 0)


@pytest.fixture
def running(relay: Relay) -> Iterator[Relay]:
    relay.start()
    yield relay
    relay.stop()


@pytest.mark.django_db(transaction=True)
def test_a_commit_wakes_the_running_relay(running: Relay, bus: MemoryTransport) -> None:
    with transaction.atomic():
        published = publish(fact())
    assert bus.wait_for(lambda: bus.sent == [published], timeout=5)


def test_batches_are_cut_by_number_and_size() -> None:
    assert [len(batch) for batch in split(range(MAX_EVENTS + 1), lambda _: 1)] == [MAX_EVENTS, 1]
    assert list(split("abc", lambda _: MAX_BYTES)) == [["a"], ["b"], ["c"]]
    assert list(split([], len)) == []


def after(events: int, times: int, every: float) -> float:
    """Give how long a relay waits for more after `times` batches of `events`, `every` so many seconds."""
    pace = Pace()
    for number in range(times):
        pace.count(events, 1000.0 + number * every)
    return pace.linger(1000.0 + (times - 1) * every)


def test_more_is_waited_for_only_where_events_come_densely() -> None:
    assert after(1, times=1, every=1.0) == 0
    assert after(1, times=100, every=1 / 20) == 0
    assert after(1, times=400, every=1 / 50) == 0.02
    assert after(40, times=25, every=0.2) == 0.15


def test_density_is_forgotten_and_one_burst_is_none() -> None:
    pace = Pace()
    pace.count(25, 1000.0)
    assert pace.linger(1000.0) == 0
    pace.count(500, 1001.0)
    assert pace.linger(1001.0) == 0.15
    assert pace.linger(1005.0) == 0


@pytest.mark.django_db
def test_tasks_grow_while_events_is_behind(relay: Relay, bus: MemoryTransport, ledger: Ledger) -> None:
    published = publish(fact())
    relay.send()
    age(sent_at=outbox.SETTLED)
    waits = []
    for _ in range(4):
        relay.settle()
        waits.append(relay.pace.linger(time.monotonic()))
    assert waits == [0.04, 0.08, 0.15, 0.15]
    ledger.stored.add(published.id)
    waits.clear()
    for _ in range(15):
        relay.settle()
        waits.append(relay.pace.linger(time.monotonic()))
    assert waits == sorted(waits, reverse=True)
    assert 0.1 < waits[0] < 0.15
    assert waits[-1] == 0


def test_who_waits_for_more_waits_longer_while_events_is_behind() -> None:
    pace = Pace()
    for number in range(400):
        pace.count(1, 1000.0 + number / 50)
    pace.hear(behind=True)
    assert pace.linger(1008.0) == 0.04
    pace.hear(behind=False)
    assert 0.02 < pace.linger(1008.0) < 0.04
