"""Per subscriber and aggregate one batch is under way, ascending; what fails is sent again and dies in the end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events_svc.deliveries.dispatcher import dispatch, dispatch_again, hand_out
from events_svc.deliveries.models import Delivery
from events_svc.deliveries.services import acknowledging, dispatching
from events_svc.deliveries.services.acknowledging import (
    NO_ANSWER,
    SCHEDULE,
    Result,
    deliveries_acknowledge,
    leases_expire,
)
from events_svc.deliveries.services.dispatching import WINDOW, Lease
from events_svc.deliveries.services.storing import events_take
from libs.eventbus.batches import MAX_EVENTS
from libs.eventbus.transports import TransportError
from libs.eventbus.transports.memory import MemoryTransport
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import answer, dispatched, let_pass, statuses, store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _subscribed(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()


def test_what_is_ready_goes_out_as_one_batch_to_the_subscribers_queue(bus: MemoryTransport) -> None:
    store(registered(sequence=1), registered("ben"), registered(sequence=2))
    assert dispatched(bus) == [("todo.events", [("ann", 1), ("ann", 2), ("ben", 1)])]
    assert dispatched(bus) == []


def test_the_next_events_of_an_aggregate_wait_for_the_batch_under_way(bus: MemoryTransport) -> None:
    store(registered(sequence=1))
    dispatched(bus)
    store(registered(sequence=2), registered("ben"))
    assert dispatched(bus) == [("todo.events", [("ben", 1)])]
    answer(bus)
    assert dispatched(bus) == []
    bus.messages.pop()
    answer(bus)
    assert dispatched(bus) == [("todo.events", [("ann", 2)])]


def test_a_large_aggregate_goes_out_batch_by_batch(bus: MemoryTransport) -> None:
    store(*[registered(sequence=n) for n in range(1, MAX_EVENTS + 2)])
    assert [len(events) for _, events in dispatched(bus)] == [MAX_EVENTS]
    answer(bus)
    assert dispatched(bus) == [("todo.events", [("ann", MAX_EVENTS + 1)])]


def test_a_subscriber_has_a_bounded_number_of_deliveries_under_way(bus: MemoryTransport) -> None:
    store(*[registered(f"user-{n}") for n in range(WINDOW + 7)])
    assert sum(len(events) for _, events in dispatched(bus)) == WINDOW


def test_a_failed_event_waits_and_holds_back_only_its_own_aggregate(bus: MemoryTransport) -> None:
    store(registered(sequence=1), registered("ben"))
    dispatched(bus)
    answer(bus, ann="Traceback: no such list")
    store(registered(sequence=2), registered("ben", sequence=2))
    Delivery.objects.filter(sequence=1, status="pending").update(due_at="2100-01-01T00:00Z")
    assert dispatched(bus) == [("todo.events", [("ben", 2)])]
    assert Delivery.objects.get(stream__aggregate_id="ann", sequence=1).error == "Traceback: no such list"


def test_what_was_not_tried_costs_no_attempt(bus: MemoryTransport) -> None:
    store(registered(sequence=1), registered(sequence=2))
    dispatched(bus)
    first, second = bus.messages[-1].content["events"]
    results = [
        Result(delivery=first["delivery"], attempt=1, ok=False, error="broken"),
        Result(delivery=second["delivery"], attempt=1, ok=False, tried=False),
    ]
    deliveries_acknowledge(subscriber="todo", results=results)
    assert list(Delivery.objects.order_by("sequence").values_list("attempts", flat=True)) == [1, 0]
    let_pass(2)
    assert dispatched(bus) == [("todo.events", [("ann", 1), ("ann", 2)])]


def test_what_nobody_answers_is_sent_again_when_the_lease_has_ended(bus: MemoryTransport) -> None:
    store(registered())
    dispatched(bus)
    assert leases_expire() == 0
    let_pass(16)
    assert leases_expire() == 1
    assert Delivery.objects.get().error == NO_ANSWER
    let_pass(1)
    assert dispatched(bus) == [("todo.events", [("ann", 1)])]


def test_a_subscriber_that_says_nothing_at_all_costs_no_attempt_and_is_asked_less_and_less(
    bus: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is away, or slow, or the broker has lost everything: none of this is the fault of an event."""
    monkeypatch.setattr(acknowledging, "_jitter", lambda: 1.0)
    store(registered())
    for pause in (*SCHEDULE, SCHEDULE[-1], SCHEDULE[-1]):
        assert dispatched(bus) == [("todo.events", [("ann", 1)])]
        let_pass(16)
        leases_expire()
        let_pass(pause - 0.5)
        assert dispatched(bus) == []
        let_pass(0.5)
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts) == ("pending", 0)


def ask_in_vain(bus: MemoryTransport) -> None:
    """Send ann's event, and hear nothing of it for longer than the lease; it is due again in a day."""
    assert dispatched(bus) == [("todo.events", [("ann", 1)])]
    let_pass(16)
    assert leases_expire() == 1
    Delivery.objects.filter(status="pending").update(due_at=timezone.now() + timedelta(days=1))


def test_silence_about_what_was_sent_before_something_answered_is_a_failed_attempt(bus: MemoryTransport) -> None:
    store(registered())
    ask_in_vain(bus)
    store(registered("ben"))
    dispatched(bus)
    assert Delivery.objects.get(stream__aggregate_id="ann").attempts == 0

    answer(bus)

    assert Delivery.objects.get(stream__aggregate_id="ann").attempts == 1
    let_pass(1)
    assert dispatched(bus) == [("todo.events", [("ann", 1)])]


def test_an_answer_about_something_sent_earlier_says_nothing_of_what_waits(bus: MemoryTransport) -> None:
    store(registered("ben"))
    dispatched(bus)
    earlier = bus.messages[-1]
    store(registered())
    assert dispatched(bus) == [("todo.events", [("ann", 1)])]
    let_pass(16)
    leases_expire()
    Delivery.objects.filter(status="pending").update(due_at=timezone.now() + timedelta(days=1))

    bus.messages.append(earlier)
    answer(bus)

    assert statuses() == [("ben", 1, "acked"), ("ann", 1, "pending")]
    assert Delivery.objects.get(stream__aggregate_id="ann").attempts == 0
    assert dispatched(bus) == []


def test_what_others_answer_says_nothing_of_a_subscriber(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    store(registered())
    ask_in_vain(bus)
    todo_subscribes(service="admin")
    store(registered("ben"))
    dispatched(bus)
    admins = Delivery.objects.get(subscriber="admin", stream__aggregate_id="ben")

    deliveries_acknowledge(subscriber="admin", results=[Result(delivery=admins.pk, attempt=1, ok=True)])

    assert Delivery.objects.get(subscriber="todo", stream__aggregate_id="ann").attempts == 0


def test_what_ends_its_worker_each_time_dies_as_others_are_answered(bus: MemoryTransport) -> None:
    store(registered())
    for number in range(len(SCHEDULE) + 1):
        ask_in_vain(bus)
        store(registered(f"ben-{number}"))
        dispatched(bus)
        answer(bus)
        Delivery.objects.filter(status="pending").update(due_at=timezone.now())
    assert statuses()[0] == ("ann", 1, "dead")


def test_an_attempt_that_failed_begins_the_pauses_of_silence_anew(bus: MemoryTransport) -> None:
    store(registered())
    ask_in_vain(bus)
    Delivery.objects.update(due_at=timezone.now())
    dispatched(bus)
    answer(bus, ann="broken")
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.silences) == (1, 0)


def test_a_delivery_dies_after_all_attempts(bus: MemoryTransport) -> None:
    store(registered(sequence=1))
    for pause in (*SCHEDULE, 0):
        assert dispatched(bus) == [("todo.events", [("ann", 1)])]
        answer(bus, ann="broken")
        let_pass(pause)
    assert statuses() == [("ann", 1, "dead")]


def test_a_late_success_counts_and_a_late_failure_does_not(bus: MemoryTransport) -> None:
    store(registered())
    dispatched(bus)
    let_pass(16)
    leases_expire()
    delivery = Delivery.objects.get()
    deliveries_acknowledge(subscriber="todo", results=[Result(delivery=delivery.pk, attempt=1, ok=False, error="late")])
    delivery.refresh_from_db()
    assert delivery.error == NO_ANSWER
    deliveries_acknowledge(subscriber="todo", results=[Result(delivery=delivery.pk, attempt=1, ok=True)])
    assert statuses() == [("ann", 1, "acked")]


def test_what_is_acknowledged_while_it_is_claimed_stays_so(
    bus: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer to an earlier attempt comes between the claim's look and its lease."""
    store(registered(), registered("ben"))
    dispatched(bus)
    let_pass(16)
    leases_expire()
    let_pass(1)
    delivery = Delivery.objects.get(stream__aggregate_id="ann")
    lease = dispatching._lease

    def acknowledge_first(*arguments: Any) -> list[Lease]:
        deliveries_acknowledge(subscriber="todo", results=[Result(delivery=delivery.pk, attempt=1, ok=True)])
        return lease(*arguments)

    monkeypatch.setattr(dispatching, "_lease", acknowledge_first)

    assert dispatched(bus) == [("todo.events", [("ben", 1)])]
    assert statuses() == [("ann", 1, "acked"), ("ben", 1, "sent")]


def test_a_service_acknowledges_its_own_deliveries_only(bus: MemoryTransport) -> None:
    store(registered())
    dispatched(bus)
    deliveries_acknowledge(subscriber="auth", results=[Result(delivery=Delivery.objects.get().pk, attempt=1, ok=True)])
    assert statuses() == [("ann", 1, "sent")]


def test_a_broker_that_is_away_costs_no_attempt(bus: MemoryTransport) -> None:
    store(registered())
    bus.broken = True
    dispatch()
    with pytest.raises(TransportError):
        dispatch_again()
    assert (Delivery.objects.get().status, Delivery.objects.get().attempts) == ("pending", 0)
    bus.broken = False
    dispatch_again()
    assert statuses() == [("ann", 1, "sent")]


def test_a_queue_that_is_broken_holds_no_other_subscriber_up(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes(service="admin")
    store(registered())
    bus.broken_queues.add("admin.events")
    dispatch()
    assert [message.queue for message in bus.messages] == ["todo.events"]
    assert statuses() == [("ann", 1, "pending"), ("ann", 1, "sent")]


def test_who_waits_for_a_queue_that_takes_nothing_holds_up_no_other(
    todo_subscribes: Callable[..., None], bus: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take the broker many seconds to refuse a message."""
    todo_subscribes(service="admin")
    bus.broken_queues.add("admin.events")
    asked: list[str] = []
    monkeypatch.setattr(bus, "send", lambda message, send=bus.send: (asked.append(message.queue), send(message)))
    store(registered())
    dispatch()
    assert sorted(asked) == ["admin.events", "todo.events"]

    store(registered("ben"))
    dispatch()
    hand_out(events_take(source="auth", envelopes=[registered("cat")]).leases)
    assert sorted(asked) == ["admin.events", "todo.events", "todo.events", "todo.events"]

    bus.broken_queues.clear()
    dispatch_again()
    store(registered("dan"))
    dispatch()
    admins = [message.content["events"] for message in bus.messages if message.queue == "admin.events"]
    assert [item["event"]["aggregate_id"] for events in admins for item in events] == ["ann", "ben", "cat", "dan"]
