"""Facts go out if and only if their transaction commits; each aggregate's facts are numbered without gaps."""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from libs.contracts.auth import UserRegistered
from libs.eventbus import nudges, outbox, publish
from libs.eventbus.models import OutboxEvent
from libs.eventbus.schemas import LARGEST, InvalidEvent
from libs.telemetry import context
from tests.libs.eventbus.conftest import fact


@pytest.mark.django_db
def test_sequences_count_from_one_per_aggregate() -> None:
    published = [publish(fact("a")), publish(fact("b")), publish(fact("a"))]
    assert [(each.aggregate_id, each.sequence) for each in published] == [("a", 1), ("b", 1), ("a", 2)]
    assert [row.envelope for row in OutboxEvent.objects.order_by("id")] == published


@pytest.mark.django_db
def test_a_fact_carries_actor_request_and_trace() -> None:
    with context.bound(request_id="r-1", trace_id="a" * 32, span_id="b" * 16):
        made = publish(fact(), actor_id="ann")
    assert (made.actor_id, made.request_id) == ("ann", "r-1")
    assert made.traceparent == f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.mark.django_db(transaction=True)
def test_a_rollback_publishes_nothing_and_leaves_no_gap() -> None:
    nudges.OUTBOX.wait(0)
    with transaction.atomic():
        publish(fact())
        transaction.set_rollback(True)
    assert not OutboxEvent.objects.exists()
    assert nudges.OUTBOX.wait(0) is False
    with transaction.atomic():
        assert publish(fact()).sequence == 1
    assert nudges.OUTBOX.wait(0) is True


@pytest.mark.django_db(transaction=True)
def test_publishing_needs_a_transaction() -> None:
    with pytest.raises(TransactionManagementError):
        publish(fact())


@pytest.mark.django_db
def test_a_service_publishes_its_own_facts_only() -> None:
    with pytest.raises(ValueError, match="auth"):
        publish(UserRegistered(user_id="ann", email="ann@example.org", display_name="Ann"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"list_id": 7}, "todo.list.updated version 1: data.list_id must be string"),
        ({"version": "1"}, "data.version must be integer"),
        ({"version": True}, "data.version must be integer"),
        ({"changes": {"name": "new"}}, "data.changes.name must be object"),
    ],
)
def test_an_event_that_breaks_its_schema_is_refused_before_anything_is_written(
    wrong: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidEvent, match=text):
        publish(dataclasses.replace(fact(), **wrong))
    assert not OutboxEvent.objects.exists()
    assert publish(fact()).sequence == 1


@pytest.mark.django_db
def test_an_event_that_no_broker_would_carry_is_refused_before_anything_is_written() -> None:
    large = {"name": {"from": "", "to": "x" * LARGEST}}
    with pytest.raises(InvalidEvent, match="bytes of data are more than"):
        publish(dataclasses.replace(fact(), changes=large))
    assert not OutboxEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_parallel_publishers_leave_no_gap_and_no_double() -> None:
    def run() -> None:
        for _ in range(5):
            with transaction.atomic():
                publish(fact())
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(OutboxEvent.objects.values_list("sequence", flat=True)) == list(range(1, 21))


def pragma(statement: str) -> int:
    with connection.cursor() as cursor:
        return int(cursor.execute(f"PRAGMA {statement}").fetchone()[0])


@contextmanager
def full_disk() -> Iterator[None]:
    """Let the database not grow."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # no page is free
    room = pragma("max_page_count")
    pragma(f"max_page_count = {pragma('page_count')}")
    try:
        yield
    finally:
        pragma(f"max_page_count = {room}")


@transaction.atomic
def publish_many(count: int) -> None:
    for number in range(count):
        publish(fact(f"list-{number % 10}"))


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_refuses_the_publisher_and_loses_nothing() -> None:
    with transaction.atomic():
        kept = publish(fact())
    with full_disk(), pytest.raises(OperationalError, match="full"):
        publish_many(1000)
    assert [row.envelope for row in OutboxEvent.objects.all()] == [kept]
    with transaction.atomic():
        assert publish(fact()).sequence == kept.sequence + 1


@pytest.mark.django_db
def test_a_claimed_row_belongs_to_one_relay_until_the_claim_ends() -> None:
    publish(fact())
    assert len(outbox.claim()) == 1
    assert outbox.claim() == []
    age(claimed_until=outbox.CLAIM)
    assert len(outbox.claim()) == 1


@pytest.mark.django_db
def test_rows_are_claimed_in_batches() -> None:
    for _ in range(3):
        publish(fact())
    assert [len(outbox.claim(limit=2)), len(outbox.claim(limit=2))] == [2, 1]


@pytest.mark.django_db
def test_stored_rows_go_and_lost_ones_are_due_again_after_their_patience() -> None:
    kept, lost = publish(fact("a")), publish(fact("b"))
    outbox.mark_sent(outbox.claim())
    assert outbox.unconfirmed() == []
    age(sent_at=timedelta(seconds=2))
    rows = outbox.unconfirmed()
    assert outbox.settle(rows, {kept.id}) == 1
    assert outbox.claim() == []
    age(sent_at=outbox.RESEND)
    outbox.settle(outbox.unconfirmed(), set())
    assert [str(row.pk) for row in outbox.claim()] == [lost.id]


@pytest.mark.django_db
def test_patience_doubles_so_that_a_backlog_is_not_sent_over_and_over() -> None:
    publish(fact())
    outbox.mark_sent(outbox.claim())
    OutboxEvent.objects.update(attempts=2)
    age(sent_at=outbox.RESEND)
    outbox.settle(outbox.unconfirmed(), set())
    assert outbox.claim() == []


def age(**fields: timedelta) -> None:
    """Let time pass for the rows' fields."""
    for row in OutboxEvent.objects.all():
        for name, by in fields.items():
            moved: Any = (getattr(row, name) or timezone.now()) - by
            setattr(row, name, moved)
        row.save()
