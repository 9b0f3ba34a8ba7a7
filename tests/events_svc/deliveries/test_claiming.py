"""What a claim looks at follows from its batch, not from what waits: a long backlog drains as fast as a short one."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import F

from events_svc.deliveries.models import Delivery
from events_svc.deliveries.services.dispatching import deliveries_claim
from libs.eventbus.batches import MAX_EVENTS
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import store

pytestmark = pytest.mark.django_db

USERS = MAX_EVENTS // 2


#: PostgreSQL's plans follow from statistics, which a table of this transaction has none of.
counted = pytest.mark.skipif(connection.vendor != "sqlite", reason="counts the instructions of SQLite's machine")


def looked_at(work: Callable[[], None]) -> int:
    """Count what `work` makes the database do, in tens of instructions."""
    ticks: list[int] = []
    connection.connection.set_progress_handler(lambda: ticks.append(1), 10)
    work()
    connection.connection.set_progress_handler(None, 0)
    return len(ticks)


def claim() -> None:
    assert len(deliveries_claim(subscriber="todo")) == MAX_EVENTS


@counted
def test_a_batch_of_a_long_backlog_costs_as_much_as_one_of_a_short_one(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(*[registered(f"user-{n}", sequence=m) for m in (1, 2, 3) for n in range(USERS)])
    short = looked_at(claim)
    Delivery.objects.update(status="pending", due_at=F("queued_at"))
    for sequence in range(4, 31):
        store(*[registered(f"user-{n}", sequence=sequence) for n in range(USERS)])
    assert looked_at(claim) < 1.5 * short


@counted
def test_what_waits_for_its_next_attempt_costs_nothing(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(*[registered(f"user-{n}", sequence=m) for m in (1, 2, 3) for n in range(USERS)])
    short = looked_at(claim)
    Delivery.objects.update(status="pending", due_at=F("queued_at"))
    store(*[registered(f"away-{n}", sequence=m) for m in range(1, 31) for n in range(USERS)])
    Delivery.objects.filter(event__aggregate_id__startswith="away").update(due_at="2100-01-01T00:00Z")
    assert looked_at(claim) < 1.5 * short


def test_behind_more_that_is_held_back_than_a_batch_takes_the_rest_goes_out(
    todo_subscribes: Callable[..., None],
) -> None:
    todo_subscribes()
    store(*[registered("stuck", sequence=m) for m in range(1, 2 * MAX_EVENTS)])
    Delivery.objects.filter(sequence=1).update(status="dead", due_at="2100-01-01T00:00Z")
    store(*[registered(f"user-{n}", sequence=m) for m in (1, 2) for n in range(USERS)])
    claim()
