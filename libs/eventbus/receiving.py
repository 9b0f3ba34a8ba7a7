"""A batch of deliveries: each event in a transaction of its own, each result acknowledged to the ledger of Events.

An aggregate stops at its first failure, because later facts build on earlier ones; other aggregates go on.
"""

import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from libs.eventbus import inbox
from libs.eventbus.acknowledging import ACKNOWLEDGEMENTS
from libs.eventbus.envelope import Envelope, MalformedEnvelope
from libs.eventbus.reactions import Reaction, find, versions_of
from libs.telemetry import metrics

log = structlog.get_logger(__name__)

EVENTS = metrics.counter(
    "mt_reactions", "What became of events here: applied, repeated, failed, parked or unread.", "type", "outcome"
)
SECONDS = metrics.histogram("mt_reaction_seconds", "Time of a reaction with its inbox row and commit.", "type")

#: Results wait at most this long for the rest of their batch (seconds), well below the lease.
FLUSH_AFTER = 1.0
#: The end of a traceback says most.
ERROR_SIZE = 4000


def receive(batch: Mapping[str, Any], reactions: Mapping[str, Reaction]) -> None:
    """Apply `batch` {"events": [{"delivery", "attempt", "event"}]} in order and acknowledge every delivery in it.

    An event that can't be read has failed alone; its aggregate stops there like after any failure, where it names one.
    """
    results = Results()
    stopped: set[tuple[str, ...]] = set()
    for item in batch["events"]:
        aggregate = _aggregate(item["event"])
        if aggregate in stopped:
            results.add(item, tried=False)
            continue
        fault = _try(item["event"], reactions)
        if fault:
            stopped.add(aggregate)
        results.add(item, tried=True, fault=fault)
    results.flush()


def _aggregate(event: Any) -> tuple[str, ...]:
    """Name the aggregate of an event as it came; events that can't be read at all are one."""
    return (str(event.get("source")), str(event.get("aggregate_id"))) if isinstance(event, Mapping) else ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an event took no effect. One of a version that is not known here is kept for a later one of this service."""

    error: str
    unknown_version: bool = False


def _try(event: Any, reactions: Mapping[str, Reaction]) -> Fault | None:
    """Apply one event; give the fault where that failed."""
    try:
        envelope = Envelope.from_json(event)
    except MalformedEnvelope as error:
        log.warning("an event can't be read", reason=str(error))
        EVENTS.labels("", "unread").inc()
        return Fault(f"The event can't be read: {error}")
    reaction = find(reactions, envelope.type)
    if reaction is not None and envelope.dataversion not in versions_of(reaction):
        EVENTS.labels(envelope.type, "parked").inc()
        return Fault(f"Version {envelope.dataversion} of {envelope.type} is not known here.", unknown_version=True)
    try:
        with SECONDS.labels(envelope.type).time():
            first = inbox.apply(envelope, reactions)
    except Exception:  # whatever a reaction raises is a failure of this event, not of the worker
        log.warning("a reaction failed", type=envelope.type, event_id=envelope.id, exc_info=True)
        EVENTS.labels(envelope.type, "failed").inc()
        return Fault(traceback.format_exc()[-ERROR_SIZE:])
    EVENTS.labels(envelope.type, "applied" if first else "repeated").inc()
    return None


class Results:
    """Collects results for the acknowledgements."""

    def __init__(self) -> None:
        """Start empty."""
        self._results: list[dict[str, Any]] = []
        self._since = time.monotonic()

    def add(self, item: Mapping[str, Any], *, tried: bool, fault: Fault | None = None) -> None:
        """Add the result of one delivery."""
        result = {"delivery": item["delivery"], "attempt": item["attempt"], "ok": tried and not fault, "tried": tried}
        self._results.append(result | (asdict(fault) if fault else {"error": ""}))
        if time.monotonic() - self._since > FLUSH_AFTER:
            self.flush()

    def flush(self) -> None:
        """Give away what is collected."""
        results, self._results, self._since = self._results, [], time.monotonic()
        if results:
            ACKNOWLEDGEMENTS.add(results)
