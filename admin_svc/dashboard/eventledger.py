"""The events page as data: subscribers, recent events, deliveries. Tolerant to what is missing in Events' answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from admin_svc.dashboard.instances import moment
from admin_svc.dashboard.sources.base import Params, source
from libs.contracts.errors import ServiceError

STATUSES = ("dead", "pending", "sent", "acknowledged")
SHOWN = 50
SEARCHED = 200


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A service that receives events: how many it has still to get, and since when."""

    name: str
    patterns: tuple[str, ...] = ()
    queue: str = ""
    depth: int = 0
    dead: int = 0
    oldest_seconds: float | None = None
    degraded: bool = False

    @property
    def tone(self) -> str:
        """Say how to colour it: good, warn or bad."""
        if self.degraded:
            return "bad"
        return "warn" if self.dead else "good"


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
        return {"dead": "bad", "acknowledged": "good"}.get(self.status, "warn")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the events page shows; `failure` says why it is incomplete."""

    subscribers: Sequence[Subscriber] = ()
    events: Sequence[RecordedEvent] = ()
    deliveries: Sequence[Delivery] = ()
    dead: Sequence[Delivery] = ()
    failure: str = ""


def ledger(*, status: str) -> Ledger:
    """Ask Events for all parts of the page."""
    try:
        stats = _ask("/v1/stats")
        subscriptions = _items("/v1/subscriptions", {"limit": SEARCHED})
        return Ledger(
            subscribers=subscribers(subscriptions, stats),
            events=[_event(event) for event in _items("/v1/events", {"limit": SHOWN})],
            deliveries=_deliveries(status),
            dead=_deliveries("dead"),
        )
    except ServiceError as error:
        return Ledger(failure=error.detail)


def subscribers(subscriptions: Sequence[Mapping[str, Any]], stats: Mapping[str, Any]) -> list[Subscriber]:
    """Join each subscriber's patterns with its figures."""
    figures = {str(one.get("subscriber")): one for one in stats.get("subscribers") or ()}
    patterns: dict[str, list[str]] = {name: [] for name in figures}
    for one in subscriptions:
        patterns.setdefault(str(one.get("subscriber")), []).append(str(one.get("pattern", "")))
    return [_subscriber(name, tuple(sorted(patterns[name])), figures.get(name, {})) for name in sorted(patterns)]


def events_of_request(request_id: str, *, since: datetime | None = None) -> list[Mapping[str, Any]]:
    """Find the events that a request caused; none where Events is away or does not know."""
    params: dict[str, str | int] = {"limit": SEARCHED}
    if since:
        params["since"] = (since - timedelta(seconds=1)).isoformat()
    try:
        found = _items("/v1/events", params)
    except ServiceError:
        return []
    return [event for event in found if event.get("request_id") == request_id]


def _subscriber(name: str, patterns: tuple[str, ...], figures: Mapping[str, Any]) -> Subscriber:
    return Subscriber(
        name=name,
        patterns=patterns,
        queue=str(figures.get("queue") or ""),
        depth=figures.get("depth") or 0,
        dead=figures.get("dead") or 0,
        oldest_seconds=figures.get("oldest_seconds"),
        degraded=bool(figures.get("degraded")),
    )


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
    return Delivery(
        id=str(item.get("id", "")),
        type=str(item.get("type") or item.get("event_id") or ""),
        subscriber=str(item.get("subscriber", "")),
        status=str(item.get("status", "")),
        attempts=item.get("attempts") or 0,
        at=moment(item.get("updated_at") or item.get("created_at")),
        error=str(item.get("error") or ""),
    )


def _items(path: str, params: Params) -> list[Mapping[str, Any]]:
    return list(_ask(path, params).get("items", ()))


def _ask(path: str, params: Params | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = source().get("events", path, params)
    return answer
