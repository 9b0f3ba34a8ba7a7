"""The Celery doors of Events: what publishers send and what subscribers answer."""

import structlog
from celery import shared_task

from events_svc.deliveries.services.acknowledging import Result, deliveries_acknowledge
from events_svc.deliveries.services.storing import events_store
from libs.contracts.names import TASK_ACKNOWLEDGE, TASK_PUBLISH
from libs.eventbus.envelope import Envelope, MalformedEnvelope
from libs.eventbus.signing import Message
from libs.identity.service_tokens import TokenError

log = structlog.get_logger(__name__)


@shared_task(name=TASK_PUBLISH)
def publish(*, queue: str, source: str, payload: str, signature: str) -> None:
    """Store a batch of events; one that is not signed by the source of all its events is refused and logged."""
    try:
        content = Message(TASK_PUBLISH, queue, source, payload, signature).opened()
        envelopes = [_envelope(event, source) for event in content["events"]]
    except (TokenError, MalformedEnvelope) as error:
        log.warning("a batch of events was refused", source=source, reason=str(error))
        return
    stored = events_store(source=source, envelopes=envelopes)
    log.debug("events stored", source=source, received=len(envelopes), stored=stored)


def _envelope(value: object, source: str) -> Envelope:
    envelope = Envelope.from_json(value)
    if envelope.source != source:
        raise TokenError(f"{source!r} sent an event of {envelope.source!r}")
    return envelope


@shared_task(name=TASK_ACKNOWLEDGE)
def acknowledge(*, queue: str, source: str, payload: str, signature: str) -> None:
    """Note what a subscriber says about its deliveries."""
    try:
        content = Message(TASK_ACKNOWLEDGE, queue, source, payload, signature).opened()
    except TokenError as error:
        log.warning("results were refused", source=source, reason=str(error))
        return
    deliveries_acknowledge(subscriber=source, results=[Result(**result) for result in content["results"]])
