"""An outbox full of events survives each update of its tables."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from libs.eventbus import outbox, publish
from libs.eventbus.models import OutboxEvent
from libs.testing.migrations import Past
from tests.libs.eventbus.conftest import envelope, fact

COUNT = 3000


def test_the_quarantine_comes_to_a_full_outbox(past: type[Past]) -> None:
    before = past("eventbus", "0001_initial")
    row, now = before.model("OutboxEvent"), timezone.now()
    events = [envelope(f"list-{n}").to_json() for n in range(COUNT)]
    for number, event in enumerate(events):
        del event["specversion"]
        event["sent_at"] = now - timedelta(minutes=1) if number % 3 else None
    row.objects.bulk_create([row(**event, attempts=1) for event in events])
    before.model("AggregateSequence").objects.create(aggregate_id="list-0", last=1)
    kept = before.rows()
    past.go_on()
    assert before.rows() == kept
    assert not OutboxEvent.objects.exclude(refusals=0, refusal="", quarantined_at=None).exists()
    due = [found.envelope.id for found in outbox.claim(limit=COUNT)]
    assert due == [event["id"] for event in events if event["sent_at"] is None]
    assert len(outbox.unconfirmed()) == outbox.ASKED_AT_ONCE
    with transaction.atomic():
        assert publish(fact("list-0")).sequence == 2


def test_a_process_of_the_version_before_goes_on_publishing(past: type[Past]) -> None:
    before = past("eventbus", "0001_initial")
    past.go_on()
    event = envelope().to_json()
    del event["specversion"]
    before.model("OutboxEvent").objects.create(**event)
    assert [found.refusals for found in outbox.claim()] == [0]
