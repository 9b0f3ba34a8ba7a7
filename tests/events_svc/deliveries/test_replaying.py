"""A person, or the subscriber itself, has events delivered again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from events_svc.deliveries.errors import NothingToRetry, SubscriberUnknown
from events_svc.deliveries.models import Delivery
from events_svc.deliveries.services.replaying import deliveries_retry_dead, delivery_retry, replay
from libs.contracts.errors import NotFound
from libs.eventbus.transports.memory import MemoryTransport
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import answer, dispatched, statuses, store

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(days=1)


def test_a_replay_sends_delivered_events_again_with_the_same_ids(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    store(registered(sequence=1), registered(sequence=2))
    first = dispatched(bus)
    ids = [item["event"]["id"] for item in bus.messages[-1].content["events"]]
    answer(bus)
    assert replay(subscriber="todo", since=LONG_AGO) == 2
    assert dispatched(bus) == first
    assert [item["event"]["id"] for item in bus.messages[-1].content["events"]] == ids


def test_a_replay_also_sends_what_was_stored_before_the_subscription(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes("todo.list.*")
    store(registered())
    todo_subscribes("todo.list.*", "auth.user.*")
    assert replay(subscriber="todo", since=LONG_AGO) == 1
    assert dispatched(bus) == [("todo.events", [("ann", 1)])]


@pytest.mark.parametrize(("wanted", "count"), [("auth.user.registered", 1), ("auth.*", 1), ("todo.*", 0)])
def test_a_replay_takes_the_events_of_a_type(
    wanted: str, count: int, todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    store(registered())
    dispatched(bus)
    answer(bus)
    assert replay(subscriber="todo", since=LONG_AGO, event_type=wanted) == count


def test_a_replay_leaves_alone_what_is_under_way_and_what_is_older(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    store(registered())
    dispatched(bus)
    assert replay(subscriber="todo", since=LONG_AGO) == 0
    answer(bus)
    assert replay(subscriber="todo", since=timezone.now()) == 0


def test_there_is_no_replay_for_a_stranger() -> None:
    with pytest.raises(SubscriberUnknown):
        replay(subscriber="nobody", since=LONG_AGO)


def test_a_dead_delivery_gets_all_its_attempts_again(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    store(registered())
    Delivery.objects.update(status="dead", attempts=9, error="broken", done_at=timezone.now())
    delivery_retry(delivery_id=Delivery.objects.get().pk)
    assert dispatched(bus) == [("todo.events", [("ann", 1)])]
    assert Delivery.objects.get().attempts == 1


def test_all_dead_deliveries_can_be_sent_again(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered(), registered("ben"))
    Delivery.objects.update(status="dead", attempts=9)
    assert deliveries_retry_dead() == 2
    assert statuses() == [("ann", 1, "pending"), ("ben", 1, "pending")]


def test_what_is_delivered_or_unknown_cannot_be_retried(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered())
    Delivery.objects.update(status="acked")
    with pytest.raises(NothingToRetry):
        delivery_retry(delivery_id=Delivery.objects.get().pk)
    with pytest.raises(NotFound):
        delivery_retry(delivery_id=0)
