"""The Celery doors of Events: what publishers send and what subscribers answer.

One bad item of a batch is refused alone. A refused event stays in its publisher's outbox, which learns the reason.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

import structlog
from celery import shared_task

from events_svc.deliveries.dispatcher import hand_out
from events_svc.deliveries.services.acknowledging import Result, deliveries_acknowledge
from events_svc.deliveries.services.refusing import event_refuse
from events_svc.deliveries.services.storing import events_take
from libs.contracts.names import TASK_ACKNOWLEDGE, TASK_PUBLISH
from libs.eventbus.envelope import Envelope, MalformedEnvelope
from libs.eventbus.signing import Message
from libs.identity.service_tokens import TokenError
from libs.telemetry import metrics

log = structlog.get_logger(__name__)

STORED = metrics.counter("mt_events_stored", "Events that this process stored.", "source")

T = TypeVar("T")


@shared_task(name=TASK_PUBLISH)
def publish(*, queue: str, source: str, payload: str, signature: str) -> None:
    """Store a batch of events and send on what may go at once.

    A batch that `source` did not sign, and an event that is not its own, are refused.
    """
    try:
        content = Message(TASK_PUBLISH, queue, source, payload, signature).opened()
    except TokenError as error:
        log.warning("a batch of events was refused", source=source, reason=str(error))
        return
    envelopes = list(_readable(content["events"], lambda value: _envelope(value, source), partial(_refuse, source)))
    stored = events_take(source=source, envelopes=envelopes)
    STORED.labels(source).inc(stored.new)
    hand_out(stored.leases)
    log.debug("events stored", source=source, received=len(envelopes), stored=stored.new)


def _refuse(source: str, item: Any, reason: str) -> None:
    event_refuse(source=source, event_id=item.get("id") if isinstance(item, Mapping) else None, reason=reason)


def _envelope(value: object, source: str) -> Envelope:
    envelope = Envelope.from_json(value)
    if envelope.source != source:
        raise MalformedEnvelope(f"{source!r} sent an event of {envelope.source!r}")
    return envelope


@shared_task(name=TASK_ACKNOWLEDGE)
def acknowledge(*, queue: str, source: str, payload: str, signature: str) -> None:
    """Note what a subscriber says about its deliveries."""
    try:
        content = Message(TASK_ACKNOWLEDGE, queue, source, payload, signature).opened()
    except TokenError as error:
        log.warning("results were refused", source=source, reason=str(error))
        return
    results = list(_readable(content["results"], Result.from_json, partial(_leave_out, source)))
    deliveries_acknowledge(subscriber=source, results=results)


def _leave_out(source: str, item: Any, reason: str) -> None:
    """Say which result is left out: its delivery is asked for again when its lease ends."""
    delivery = item.get("delivery") if isinstance(item, Mapping) else type(item).__name__
    log.warning("a result was refused", source=source, reason=reason, delivery=delivery)


def _readable(items: Iterable[Any], read: Callable[[Any], T], refuse: Callable[[Any, str], None]) -> Iterator[T]:
    """Read each of `items`; one that can't be read is refused with a reason and left out."""
    for item in items:
        try:
            yield read(item)
        except ValueError as error:
            refuse(item, str(error))
