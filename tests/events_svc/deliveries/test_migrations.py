"""A ledger full of events survives each update of its tables, and goes on from where it was."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from events_svc.deliveries.models import Delivery, Event, Subscription
from events_svc.deliveries.services.purging import events_purge
from events_svc.deliveries.services.replaying import delivery_retry, replay, replays_advance
from libs.eventbus.transports.memory import MemoryTransport
from libs.testing.migrations import Past
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import dispatched, statuses, store

#: Of each status, in as many aggregates.
COUNT = 400
LONG_AGO = timezone.now() - timedelta(days=400)
YESTERDAY = timezone.now() - timedelta(days=1)


def fill(before: Past, *names: str) -> None:
    """Make COUNT deliveries to TODO of each status in `names`, each of an aggregate of its own; acked ones are old."""
    now = timezone.now()
    before.model("Subscription").objects.create(service="todo", pattern="auth.user.*", queue="todo.events")
    for status in names:
        users = [f"{status}-{number:03}" for number in range(COUNT)]
        held = status == "held"
        make = before.model("Stream")
        make.objects.bulk_create(
            [make(source="auth", aggregate_id=u, released=not held, hole_since=now if held else None) for u in users]
        )
        streams = make.objects.filter(aggregate_id__in=users).order_by("id")
        stored_at = LONG_AGO if status == "acked" else YESTERDAY
        events = _events(before, streams, sequence=2 if held else 1, stored_at=stored_at)
        _deliveries(before, events, status)


def _events(before: Past, streams: Any, *, sequence: int, stored_at: Any) -> Any:
    make, rows = before.model("Event"), []
    for stream in streams:
        values = registered(stream.aggregate_id, sequence=sequence).to_json()
        del values["specversion"]
        rows.append(make(stream=stream, event_id=values.pop("id"), stored_at=stored_at, **values))
    make.objects.bulk_create(rows)
    return make.objects.filter(stream__in=streams).order_by("id")


def _deliveries(before: Past, events: Any, status: str) -> None:
    make = before.model("Delivery")
    more = {"dead": {"attempts": 9, "error": "KeyError"}, "acked": {"attempts": 1, "done_at": LONG_AGO}}
    times = {"due_at": YESTERDAY, "queued_at": YESTERDAY, **more.get(status, {})}
    make.objects.bulk_create(
        [
            make(event=e, stream=e.stream, sequence=e.sequence, subscriber="todo", status=status, **times)
            for e in events.select_related("stream")
        ]
    )


def test_blocking_and_versions_come_to_a_full_ledger(
    past: type[Past], bus: MemoryTransport, todo_subscribes: Callable[..., None]
) -> None:
    before = past("deliveries", "0001_initial")
    fill(before, "held", "pending", "acked", "dead")
    kept = before.rows()
    past.go_on()
    assert before.rows() == kept
    assert Subscription.objects.get().versions == []
    assert sum(len(batch) for _, batch in dispatched(bus)) == COUNT
    Delivery.objects.filter(status="sent").update(status="acked", done_at=timezone.now())
    store(registered("dead-000", sequence=2, dataversion=2), registered("held-000", sequence=1))
    # What was dead before holds nothing back, what was held goes on, and all versions are understood.
    assert dispatched(bus) == [("todo.events", [("held-000", 1), ("held-000", 2), ("dead-000", 2)])]
    dead = Delivery.objects.filter(status="dead", stream__aggregate_id="dead-001").get()
    assert delivery_retry(delivery_id=dead.pk).status == "pending"


def test_replays_and_the_archive_come_to_a_full_ledger(past: type[Past], bus: MemoryTransport) -> None:
    before = past("deliveries", "0002_blocking_and_versions")
    fill(before, "parked", "skipped", "acked", "dead")
    before.model("Delivery").objects.filter(status="skipped").update(done_at=YESTERDAY)
    kept = before.rows()
    past.go_on()
    assert before.rows() == kept
    assert events_purge() == COUNT
    assert not Event.objects.filter(aggregate_id__startswith="acked").exists()
    assert replay(subscriber="todo", since=LONG_AGO, aggregate_id="skipped-007", per_second=1) == 1
    assert replays_advance() == 1
    assert [each for each in statuses() if each[0] == "skipped-007"] == [("skipped-007", 1, "pending")]


def test_silences_come_to_a_full_ledger_and_what_was_done_is_done(past: type[Past], bus: MemoryTransport) -> None:
    before = past("deliveries", "0004_refusals")
    fill(before, "pending", "acked")
    before.model("Delivery").objects.filter(stream__aggregate_id="pending-007").update(done_at=YESTERDAY)
    past.go_on()
    assert [each for each in statuses() if each[0] == "pending-007"] == [("pending-007", 1, "acked")]
    assert Delivery.objects.filter(status="acked", silences=0).count() == COUNT + 1
    assert sum(len(batch) for _, batch in dispatched(bus)) == COUNT - 1
