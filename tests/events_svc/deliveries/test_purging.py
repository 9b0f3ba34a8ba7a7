"""Delivered events go when they are old; undelivered ones stay."""

from collections.abc import Callable

import pytest

from events_svc.deliveries.models import Delivery, Event
from events_svc.deliveries.services.purging import events_purge
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import let_pass, store

pytestmark = pytest.mark.django_db
MONTH = 31 * 86400


def test_old_delivered_events_go(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered("ann"), registered("ben"))
    store(registered("dan"))
    Delivery.objects.filter(stream__aggregate_id="ann").update(status="acked")
    Delivery.objects.filter(stream__aggregate_id="dan").update(status="skipped")
    let_pass(MONTH)
    store(registered("cem"))
    assert events_purge() == 2
    assert list(Event.objects.order_by("id").values_list("aggregate_id", flat=True)) == ["ben", "cem"]


def test_a_sequence_goes_on_after_its_beginning_was_purged(todo_subscribes: Callable[..., None]) -> None:
    store(registered(sequence=1))
    let_pass(MONTH)
    assert events_purge() == 1
    todo_subscribes()
    store(registered(sequence=2))
    assert Delivery.objects.get().status == "pending"
