"""Small words for the ledger's tests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any, TypeVar

from django.db import connection
from django.utils import timezone

from events_svc.deliveries.dispatcher import dispatch
from events_svc.deliveries.models import Delivery, Event, Stream
from events_svc.deliveries.services.acknowledging import Result, deliveries_acknowledge
from events_svc.deliveries.services.storing import events_store
from libs.eventbus import Envelope
from libs.eventbus.transports.memory import MemoryTransport

T = TypeVar("T")


def store(*envelopes: Envelope) -> int:
    return events_store(source=envelopes[0].source, envelopes=envelopes).new


def dispatched(bus: MemoryTransport) -> list[tuple[str, list[tuple[str, int]]]]:
    """Dispatch, and give (queue, [(aggregate, sequence)]) per new message."""
    seen = len(bus.messages)
    dispatch()
    return [
        (m.queue, [(i["event"]["aggregate_id"], i["event"]["sequence"]) for i in m.content["events"]])
        for m in bus.messages[seen:]
    ]


def answer(bus: MemoryTransport, **failures: str) -> None:
    """Acknowledge the last message as `todo` would; `failures` names aggregates and their error."""
    results = []
    for item in bus.messages[-1].content["events"]:
        error = failures.get(item["event"]["aggregate_id"], "")
        results.append(Result(delivery=item["delivery"], attempt=item["attempt"], ok=not error, error=error))
    deliveries_acknowledge(subscriber="todo", results=results)


def statuses() -> list[tuple[str, int, str]]:
    rows = Delivery.objects.select_related("event").order_by("subscriber", "stream", "sequence")
    return [(row.event.aggregate_id, row.sequence, row.status) for row in rows]


def let_pass(seconds: float) -> None:
    """Let time pass for everything the ledger waits for."""
    by = timedelta(seconds=seconds)
    for row in Delivery.objects.all():
        Delivery.objects.filter(pk=row.pk).update(due_at=row.due_at - by, queued_at=row.queued_at - by)
    for stream in Stream.objects.exclude(hole_since=None):
        Stream.objects.filter(pk=stream.pk).update(hole_since=_earlier(stream.hole_since, by))
    for event in Event.objects.all():
        Event.objects.filter(pk=event.pk).update(stored_at=event.stored_at - by)


def at_once(act: Callable[[], T], times: int) -> list[T]:
    """Let several threads do the same at the same time, as processes would; give what came of it."""
    ready = Barrier(times)

    def run() -> T:
        ready.wait(timeout=10)
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return [each.result(timeout=60) for each in [pool.submit(run) for _ in range(times)]]


def _earlier(moment: Any, by: timedelta) -> Any:
    return (moment or timezone.now()) - by
