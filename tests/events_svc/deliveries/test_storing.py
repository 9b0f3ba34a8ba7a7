"""Each event is stored once, with one delivery per subscriber, and released in order."""

from collections.abc import Callable
from typing import Any

import pytest

from events_svc.deliveries.models import Delivery, Event
from events_svc.deliveries.services.nudge import DISPATCH
from events_svc.deliveries.services.storing import holes_pass
from libs.eventbus import Envelope
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import let_pass, statuses, store

pytestmark = pytest.mark.django_db


def test_an_event_gets_one_delivery_per_subscriber(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes("auth.user.*", "auth.user.registered")
    todo_subscribes("auth.*", service="logger")
    todo_subscribes("todo.*", service="gateway")
    assert store(registered()) == 1
    assert sorted(Delivery.objects.values_list("subscriber", flat=True)) == ["logger", "todo"]


def test_an_event_that_comes_twice_is_stored_once(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    envelope = registered()
    assert [store(envelope, envelope), store(envelope)] == [1, 0]
    assert (Event.objects.count(), Delivery.objects.count()) == (1, 1)


def test_a_stored_event_reads_as_it_was_published() -> None:
    envelope = registered(actor_id="ann", request_id="r-1", traceparent="00-1-2-01")
    store(envelope)
    assert Event.objects.get().envelope == envelope


def test_events_wait_for_lower_sequences_of_their_aggregate(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered(sequence=3), registered("ben", sequence=1))
    store(registered(sequence=2))
    assert statuses() == [("ann", 2, "held"), ("ann", 3, "held"), ("ben", 1, "pending")]
    store(registered(sequence=1))
    assert [status for _, _, status in statuses()] == ["pending"] * 4


def test_a_hole_that_stays_is_passed_after_a_minute(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered(sequence=2), registered(sequence=3), registered(sequence=5))
    assert holes_pass() == 0
    let_pass(61)
    assert holes_pass() == 1
    assert [status for _, _, status in statuses()] == ["pending", "pending", "held"]
    let_pass(61)
    assert holes_pass() == 1
    assert [status for _, _, status in statuses()] == ["pending"] * 3
    assert holes_pass() == 0


def test_an_event_that_comes_after_its_hole_was_passed_is_delivered_late(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered(sequence=2))
    let_pass(61)
    holes_pass()
    store(registered(sequence=1))
    assert statuses() == [("ann", 1, "pending"), ("ann", 2, "pending")]


def test_the_dispatcher_is_woken_only_for_what_somebody_gets(
    todo_subscribes: Callable[..., None], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    def wakes(envelope: Envelope) -> bool:
        DISPATCH.wait(0)
        with django_capture_on_commit_callbacks(execute=True):
            store(envelope)
        return DISPATCH.wait(0)

    assert not wakes(registered("ann"))
    todo_subscribes()
    assert wakes(registered("ben"))
