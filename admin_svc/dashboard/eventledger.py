"""The events page as data: subscribers, recent events, deliveries. Tolerant to what is missing in Events' answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from admin_svc.dashboard.instances import moment
from admin_svc.dashboard.sources.base import Params, source
from libs.contracts.errors import ServiceError

STATUSES = ("held", "pending", "sent", "acked", "parked", "dead", "skipped")
WAITING = ("held", "pending", "sent")
SHOWN = 50
SEARCHED = 200


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A service that receives events: how many it has still to acknowledge, and the age of the oldest.

    `blocked` of them wait behind dead or parked ones until a person decides.
    """

    name: str
    patterns: tuple[str, ...] = ()
    waiting: int = 0
    blocked: int = 0
    parked: int = 0
    dead: int = 0
    oldest_seconds: float | None = None
    per_second: float = 0.0
    degraded: bool = False
    seen_at: datetime | None = None

    @property
    def tone(self) -> str:
        """Say how to colour it: good, warn or bad."""
        if self.degraded:
            return "bad"
        return "warn" if self.dead or self.parked else "good"


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event that Events has stored."""

    id: str
    at: datetime | None
    type: str
    source: str
    aggregate: str
    sequence: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a subscriber."""

    id: str
    type: str
    subscriber: str
    status: str
    attempts: int
    at: datetime | None
    error: str

    @property
    def tone(self) -> str:
        """Say how to colour it: good, warn or bad."""
        return {"dead": "bad", "acked": "good", "skipped": "good"}.get(self.status, "warn")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the events page shows; `failure` says why it is incomplete."""

    subscribers: Sequence[Subscriber] = ()
    events: Sequence[RecordedEvent] = ()
    deliveries: Sequence[Delivery] = ()
    dead: Sequence[Delivery] = ()
    dead_count: int = 0
    stored_per_second: float = 0.0
    acked_per_second: float = 0.0
    failure: str = ""


def ledger(*, status: str) -> Ledger:
    """Ask Events for all parts of the page."""
    try:
        stats = _ask("/v1/stats")
        return Ledger(
            subscribers=[subscriber_of(figures) for figures in stats.get("subscribers") or ()],
            events=[_event(event) for event in _items("/v1/events", {"limit": SHOWN})],
            deliveries=_deliveries(status),
            dead=_deliveries("dead"),
            dead_count=(stats.get("deliveries") or {}).get("dead") or 0,
            stored_per_second=stats.get("stored_per_second") or 0.0,
            acked_per_second=stats.get("acked_per_second") or 0.0,
        )
    except ServiceError as error:
        return Ledger(failure=error.detail)


def subscriber_of(figures: Mapping[str, Any]) -> Subscriber:
    """Read the figures of one subscriber."""
    return Subscriber(
        name=str(figures.get("service", "")),
        patterns=tuple(figures.get("patterns") or ()),
        waiting=sum(figures.get(status) or 0 for status in WAITING),
        blocked=figures.get("blocked") or 0,
        parked=figures.get("parked") or 0,
        dead=figures.get("dead") or 0,
        oldest_seconds=figures.get("oldest_unacknowledged_seconds") or None,
        per_second=figures.get("acked_per_second") or 0.0,
        degraded=bool(figures.get("degraded")),
        seen_at=moment(figures.get("seen_at")),
    )


def events_of_request(request_id: str) -> list[Mapping[str, Any]]:
    """Find the events that a request caused; none where Events is away."""
    try:
        return _items("/v1/events", {"request_id": request_id, "limit": SEARCHED})
    except ServiceError:
        return []


def _deliveries(status: str) -> list[Delivery]:
    wanted: dict[str, str | int] = {"limit": SHOWN} | ({"status": status} if status in STATUSES else {})
    return [_delivery(item) for item in _items("/v1/deliveries", wanted)]


def _event(item: Mapping[str, Any]) -> RecordedEvent:
    return RecordedEvent(
        id=str(item.get("id", "")),
        at=moment(item.get("time")),
        type=str(item.get("type", "")),
        source=str(item.get("source", "")),
        aggregate=str(item.get("aggregate_id") or item.get("subject") or ""),
        sequence=str(item.get("sequence", "")),
        request_id=str(item.get("request_id") or ""),
    )


def _delivery(item: Mapping[str, Any]) -> Delivery:
    event = item.get("event") or {}
    return Delivery(
        id=str(item.get("id", "")),
        type=str(event.get("type") or event.get("id") or ""),
        subscriber=str(item.get("subscriber", "")),
        status=str(item.get("status", "")),
        attempts=item.get("attempts") or 0,
        at=moment(item.get("done_at") or item.get("sent_at") or item.get("queued_at")),
        error=str(item.get("error") or ""),
    )


def _items(path: str, params: Params) -> list[Mapping[str, Any]]:
    return list(_ask(path, params).get("items", ()))


def _ask(path: str, params: Params | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = source().get("events", path, params)
    return answer
