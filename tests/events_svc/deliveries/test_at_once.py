"""What nothing is before goes out by whoever stored it, without a claim; all else waits for the dispatcher."""

from collections.abc import Callable

import pytest

from events_svc.deliveries.dispatcher import dispatch_again, hand_out
from events_svc.deliveries.models import Delivery
from events_svc.deliveries.services.dispatching import WINDOW
from events_svc.deliveries.services.nudge import DISPATCH
from events_svc.deliveries.services.storing import events_take
from libs.eventbus import Envelope
from libs.eventbus.transports.memory import MemoryTransport
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import answer, dispatched, statuses, store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _subscribed(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()


def take(*envelopes: Envelope) -> None:
    hand_out(events_take(source="auth", envelopes=envelopes).leases)


def sent(bus: MemoryTransport) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """Give (queue, [(aggregate, sequence, attempt)]) per message."""
    return [
        (m.queue, [(i["event"]["aggregate_id"], i["event"]["sequence"], i["attempt"]) for i in m.content["events"]])
        for m in bus.messages
    ]


def test_new_events_go_to_every_subscriber_at_once_in_order(
    bus: MemoryTransport, todo_subscribes: Callable[..., None]
) -> None:
    todo_subscribes(service="logger")
    take(registered(sequence=2), registered("ben"), registered(sequence=1))
    batch = [("ann", 1, 1), ("ann", 2, 1), ("ben", 1, 1)]
    assert sorted(sent(bus)) == [("logger.events", batch), ("todo.events", batch)]
    assert dispatched(bus) == []
    answer(bus)


def test_what_was_sent_at_once_is_acknowledged_and_expires_like_all_else(bus: MemoryTransport) -> None:
    take(registered("ann"), registered("ben"))
    answer(bus, ben="broken")
    assert statuses() == [("ann", 1, "acked"), ("ben", 1, "pending")]
    row = Delivery.objects.get(status="acked")
    assert (row.attempts, row.done_at is None) == (1, False)


def test_what_comes_behind_something_unfinished_waits_for_it(bus: MemoryTransport) -> None:
    take(registered(sequence=1))
    take(registered(sequence=2), registered("ben"))
    assert [events for _, events in sent(bus)] == [[("ann", 1, 1)], [("ben", 1, 1)]]
    assert statuses() == [("ann", 1, "sent"), ("ann", 2, "pending"), ("ben", 1, "sent")]


def test_what_comes_behind_a_dead_one_waits_for_it(bus: MemoryTransport) -> None:
    store(registered(sequence=1))
    Delivery.objects.update(status="dead", due_at="2100-01-01T00:00Z")
    take(registered(sequence=2))
    assert bus.messages == []


def test_what_comes_behind_a_version_that_is_parked_waits_for_it(
    bus: MemoryTransport, todo_subscribes: Callable[..., None]
) -> None:
    todo_subscribes(versions={"auth.user.*": [1]})
    take(registered(sequence=1), registered(sequence=2, dataversion=2), registered(sequence=3))
    assert [events for _, events in sent(bus)] == [[("ann", 1, 1)]]
    assert statuses() == [("ann", 1, "sent"), ("ann", 2, "parked"), ("ann", 3, "pending")]


def test_what_comes_behind_a_missing_sequence_waits_for_it(bus: MemoryTransport) -> None:
    take(registered(sequence=2))
    assert bus.messages == []
    take(registered(sequence=1))
    assert sent(bus) == []  # the held one is unfinished
    assert dispatched(bus) == [("todo.events", [("ann", 1), ("ann", 2)])]


def test_no_more_goes_out_at_once_than_may_be_under_way(bus: MemoryTransport) -> None:
    for part in range(3):
        take(*[registered(f"user-{part}-{n}") for n in range(WINDOW // 2 - 3)])
    assert Delivery.objects.filter(status="sent").count() == WINDOW
    assert sum(len(events) for _, events in sent(bus)) == WINDOW


def test_a_broker_that_takes_nothing_costs_no_attempt(bus: MemoryTransport) -> None:
    bus.broken = True
    take(registered())
    assert (Delivery.objects.get().status, Delivery.objects.get().attempts) == ("pending", 0)
    bus.broken = False
    dispatch_again()
    assert sent(bus) == [("todo.events", [("ann", 1, 1)])]


@pytest.mark.django_db(transaction=True)
def test_the_dispatcher_is_woken_only_for_what_is_left(bus: MemoryTransport) -> None:
    DISPATCH.wait(0)
    take(registered(sequence=1))
    assert not DISPATCH.wait(0)
    take(registered(sequence=2))
    assert DISPATCH.wait(0)
