"""A person, or the subscriber itself, has events delivered again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from events_svc.deliveries.errors import NothingToRetry, SubscriberUnknown
from events_svc.deliveries.models import Delivery, Replay
from events_svc.deliveries.selectors import stats
from events_svc.deliveries.services.replaying import (
    deliveries_retry_dead,
    delivery_retry,
    replay,
    replay_stop,
    replays_advance,
)
from libs.contracts.errors import NotFound
from libs.eventbus.transports.memory import MemoryTransport
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import answer, at_once, dispatched, statuses, store

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


def test_a_replay_takes_the_events_of_an_object_and_of_a_time(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    store(registered("ann"), registered("ben"))
    Delivery.objects.update(status="acked")
    assert replay(subscriber="todo", since=LONG_AGO, until=LONG_AGO) == 0
    assert replay(subscriber="todo", since=LONG_AGO, aggregate_id="ben") == 1
    assert dispatched(bus) == [("todo.events", [("ben", 1)])]


def pass_for_replays(seconds: float) -> None:
    for row in Replay.objects.filter(ended_at=None):
        Replay.objects.filter(pk=row.pk).update(due_at=row.due_at - timedelta(seconds=seconds))


def test_a_replay_goes_at_the_pace_that_is_asked_and_in_order(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    store(*[registered(sequence=n) for n in range(1, 6)])
    Delivery.objects.update(status="acked")
    assert replay(subscriber="todo", since=LONG_AGO, per_second=2) == 5
    assert replays_advance() == 1
    assert replays_advance() == 0
    assert stats()["replays"][0]["events"] == 1
    for _ in range(2):
        pass_for_replays(1.0)
        assert replays_advance() == 2
    assert [status for _, _, status in statuses()] == ["pending"] * 5
    pass_for_replays(1.0)
    assert replays_advance() == 0
    assert stats()["replays"] == []


def test_time_without_a_worker_is_not_made_up_for_in_a_replay(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(*[registered(sequence=n) for n in range(1, 20)])
    Delivery.objects.update(status="acked")
    replay(subscriber="todo", since=LONG_AGO, per_second=2)
    pass_for_replays(3600)
    assert replays_advance() == 3


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_at_once_replay_each_event_once(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    users = [f"user-{number:03}" for number in range(120)]
    store(*map(registered, users))
    Delivery.objects.update(status="acked", done_at=timezone.now())
    replay(subscriber="todo", since=LONG_AGO, per_second=1000)

    def sweep() -> int:
        count = 0
        while Replay.objects.filter(ended_at=None).exists():
            count += replays_advance()
        return count

    assert sum(at_once(sweep, 2)) == len(users)
    assert Replay.objects.get().events == len(users)
    assert sorted(statuses()) == [(user, 1, "pending") for user in users]


def test_a_replay_is_stopped(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered())
    Delivery.objects.update(status="acked")
    replay(subscriber="todo", since=LONG_AGO, per_second=1)
    replay_stop(replay_id=Replay.objects.get().pk)
    assert replays_advance() == 0
    with pytest.raises(NotFound):
        replay_stop(replay_id=Replay.objects.get().pk)


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
