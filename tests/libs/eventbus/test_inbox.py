"""An event takes effect once, together with its inbox row, or not at all."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from libs.eventbus import Envelope, inbox
from libs.eventbus.models import AggregateSequence, InboxEvent
from libs.telemetry import context
from tests.libs.eventbus.conftest import envelope


def count_up(event: Envelope) -> None:
    row, _ = AggregateSequence.objects.get_or_create(aggregate_id=event.aggregate_id, defaults={"last": 0})
    row.last += 1
    row.save()


def applied(aggregate_id: str = "list-1") -> int:
    return AggregateSequence.objects.filter(aggregate_id=aggregate_id).values_list("last", flat=True).first() or 0


REACTIONS = {"todo.list.*": count_up}


@pytest.mark.django_db
def test_an_event_that_comes_twice_takes_effect_once() -> None:
    event = envelope()
    assert [inbox.apply(event, REACTIONS), inbox.apply(event, REACTIONS)] == [True, False]
    assert applied() == 1


@pytest.mark.django_db
def test_a_failed_reaction_leaves_nothing_and_can_be_repeated() -> None:
    def fail(event: Envelope) -> None:
        count_up(event)
        raise ValueError("broken")

    event = envelope()
    with pytest.raises(ValueError, match="broken"):
        inbox.apply(event, {"todo.*": fail})
    assert (applied(), InboxEvent.objects.count()) == (0, 0)
    assert inbox.apply(event, REACTIONS) is True


@pytest.mark.django_db
def test_an_event_without_a_reaction_leaves_no_trace() -> None:
    assert inbox.apply(envelope(), {"auth.*": count_up}) is False
    assert not InboxEvent.objects.exists()


@pytest.mark.django_db
def test_a_reaction_logs_as_the_request_that_caused_it() -> None:
    seen: dict[str, str] = {}
    event = envelope(request_id="r-1", actor_id="ann", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    inbox.apply(event, {"todo.*": lambda _: seen.update(context.current())})
    assert seen == {"request_id": "r-1", "user_id": "ann", "trace_id": "a" * 32, "span_id": "b" * 16}


@pytest.mark.django_db(transaction=True)
def test_workers_with_the_same_event_apply_it_once() -> None:
    event = envelope()
    barrier = threading.Barrier(4)

    def run() -> None:
        barrier.wait(timeout=10)
        inbox.apply(event, REACTIONS)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert applied() == 1


@pytest.mark.django_db
def test_old_inbox_rows_go() -> None:
    inbox.apply(envelope(), REACTIONS)
    assert inbox.purge() == 0
    InboxEvent.objects.update(applied_at=timezone.now() - inbox.KEPT - timedelta(days=1))
    assert inbox.purge() == 1
