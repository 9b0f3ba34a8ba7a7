"""A dead or parked delivery holds back later events of its aggregate, for its subscriber only, until it is decided."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.utils import timezone

from events_svc.deliveries.errors import NothingToSkip
from events_svc.deliveries.models import Delivery
from events_svc.deliveries.selectors import stats
from events_svc.deliveries.services.acknowledging import SCHEDULE, Result, deliveries_acknowledge
from events_svc.deliveries.services.replaying import delivery_retry, delivery_skip
from libs.contracts.errors import NotFound
from libs.eventbus.transports.memory import MemoryTransport
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import answer, dispatched, let_pass, statuses, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def dead(todo_subscribes: Callable[..., None], bus: MemoryTransport) -> Delivery:
    """The first event of ann, which todo could not take; logger has it."""
    todo_subscribes()
    todo_subscribes(service="logger")
    store(registered(sequence=1))
    Delivery.objects.filter(subscriber="logger").update(status="acked")
    Delivery.objects.filter(subscriber="todo").update(attempts=len(SCHEDULE))
    dispatched(bus)
    answer(bus, ann="broken")
    return Delivery.objects.get(status="dead")


def test_later_events_wait_behind_a_dead_one_and_other_aggregates_and_subscribers_go_on(
    dead: Delivery, bus: MemoryTransport
) -> None:
    store(registered(sequence=2), registered("ben"))
    assert dispatched(bus) == [("logger.events", [("ann", 2), ("ben", 1)]), ("todo.events", [("ben", 1)])]


def test_stats_tell_how_many_wait_behind_dead_ones_and_call_nobody_degraded_for_them(
    dead: Delivery, bus: MemoryTransport
) -> None:
    store(registered(sequence=2), registered(sequence=3))
    Delivery.objects.filter(subscriber="logger").update(status="acked")
    let_pass(31)
    found = stats()
    assert (found["blocked"], found["deliveries"]["dead"]) == (2, 1)
    assert [(each["blocked"], each["degraded"]) for each in found["subscribers"]] == [(0, False), (2, False)]


def test_a_retry_brings_all_in_order(dead: Delivery, bus: MemoryTransport) -> None:
    store(registered(sequence=2))
    delivery_retry(delivery_id=dead.pk)
    assert dispatched(bus)[-1] == ("todo.events", [("ann", 1), ("ann", 2)])


def test_giving_up_lets_the_later_ones_go_on(dead: Delivery, bus: MemoryTransport) -> None:
    store(registered(sequence=2))
    assert delivery_skip(delivery_id=dead.pk).status == "skipped"
    assert dispatched(bus)[-1] == ("todo.events", [("ann", 2)])
    with pytest.raises(NothingToSkip):
        delivery_skip(delivery_id=dead.pk)
    with pytest.raises(NotFound):
        delivery_skip(delivery_id=0)


def test_after_the_time_of_the_settings_they_go_on_and_the_dead_one_stays(dead: Delivery, bus: MemoryTransport) -> None:
    store(registered(sequence=2))
    Delivery.objects.filter(subscriber="logger").update(status="acked")
    let_pass(settings.DEAD_BLOCKS_SECONDS - 60)
    assert dispatched(bus) == []
    let_pass(61)
    assert dispatched(bus) == [("todo.events", [("ann", 2)])]
    dead.refresh_from_db()
    assert dead.status == "dead"


def test_an_event_of_an_unknown_version_is_parked_until_the_subscriber_knows_it(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes(versions={"auth.user.*": [1]})
    store(registered(sequence=1, dataversion=2), registered(sequence=2), registered("ben"))
    assert dispatched(bus) == [("todo.events", [("ben", 1)])]
    assert statuses() == [("ann", 1, "parked"), ("ann", 2, "pending"), ("ben", 1, "sent")]
    assert "version 2 of auth.user.registered" in Delivery.objects.get(status="parked").error
    todo_subscribes(versions={"auth.user.*": [1]})
    assert dispatched(bus) == []
    todo_subscribes(versions={"auth.user.*": [2, 1]})
    assert dispatched(bus) == [("todo.events", [("ann", 1), ("ann", 2)])]


def test_a_parked_event_that_is_early_waits_for_lower_sequences_afterwards(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes(versions={"auth.user.*": [1]})
    store(registered(sequence=2, dataversion=2))
    todo_subscribes()
    assert statuses() == [("ann", 2, "held")]
    store(registered(sequence=1))
    assert dispatched(bus) == [("todo.events", [("ann", 1), ("ann", 2)])]


def test_the_versions_of_the_best_pattern_count(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes("auth.*", "auth.user.registered", versions={"auth.*": [1, 2], "auth.user.registered": [1]})
    store(registered(dataversion=2))
    assert statuses() == [("ann", 1, "parked")]


def test_a_worker_that_does_not_know_a_version_parks_it_without_an_attempt(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    store(registered(dataversion=2))
    dispatched(bus)
    row = Delivery.objects.get()
    told = Result(delivery=row.pk, attempt=1, ok=False, error="Version 2 is not known here.", unknown_version=True)
    deliveries_acknowledge(subscriber="todo", results=[told])
    row.refresh_from_db()
    assert (row.status, row.attempts, row.error) == ("parked", 0, told.error)
    assert row.due_at > timezone.now()
    todo_subscribes()
    assert dispatched(bus) == [("todo.events", [("ann", 1)])]
