"""A service's subscriptions are what it said last."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from events_svc.deliveries.models import Delivery, Subscription
from events_svc.deliveries.selectors import active_patterns
from events_svc.deliveries.services.acknowledging import leases_expire
from libs.eventbus.transports.memory import MemoryTransport
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import dispatched, let_pass, store

pytestmark = pytest.mark.django_db


def test_patterns_that_are_not_named_again_have_ended(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes("auth.user.*", "todo.list.*")
    todo_subscribes("auth.user.*")
    assert active_patterns() == {"todo": {"auth.user.*": []}}
    todo_subscribes("todo.list.*")
    assert active_patterns() == {"todo": {"todo.list.*": []}}
    assert Subscription.objects.count() == 2


def test_an_ended_subscription_gets_nothing_new(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes("auth.user.*")
    todo_subscribes("todo.list.*")
    store(registered())
    assert not Delivery.objects.exists()


def test_the_first_subscription_also_gets_what_was_stored_a_moment_before(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    store(registered("old"))
    let_pass(3700)
    store(registered(sequence=1), registered(sequence=2))
    todo_subscribes()
    assert dispatched(bus) == [("todo.events", [("ann", 1), ("ann", 2)])]


def test_a_later_pattern_gets_only_what_is_stored_from_then_on(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes("todo.list.*")
    store(registered())
    todo_subscribes("todo.list.*", "auth.user.*")
    assert not Delivery.objects.exists()


def test_a_service_that_was_away_gets_at_once_what_waited_for_it(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    store(registered())
    dispatched(bus)
    let_pass(16)
    leases_expire()
    Delivery.objects.update(due_at=timezone.now() + timedelta(hours=6))
    todo_subscribes()
    assert dispatched(bus) == []
    Subscription.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
    todo_subscribes()
    assert dispatched(bus) == [("todo.events", [("ann", 1)])]
