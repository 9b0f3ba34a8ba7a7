"""Reading the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from events_svc.deliveries.models import Delivery, Event, Refusal, Replay, Status, Subscription
from libs.contracts.errors import BadRequest
from libs.eventbus.reactions import best
from libs.webapi.prepared import prepared

#: A subscriber whose oldest unacknowledged delivery is older than this is degraded.
DEGRADED_AFTER = timedelta(seconds=30)
RATE_OVER = timedelta(seconds=60)
#: What is queued longer after it was stored has been replayed, parked or retried by hand; a hole lasts a minute.
QUEUED_WITHIN = timedelta(seconds=90)
UNACKNOWLEDGED = (Status.PENDING, Status.SENT)


#: The patterns that a service wants, each with the versions that it understands; none: any.
Patterns = dict[str, list[int]]


def active_patterns() -> dict[str, Patterns]:
    """Give the patterns that each service wants now."""
    found: dict[str, Patterns] = {}
    for service, pattern, versions in _active():
        found.setdefault(service, {})[pattern] = versions
    return found


@prepared
def _active() -> QuerySet[Any]:
    """Compile it once: it is asked for every batch."""
    return Subscription.objects.filter(ended_at=None).values_list("service", "pattern", "versions")


def subscribers_of(event_type: str, version: int, patterns: dict[str, Patterns]) -> dict[str, bool]:
    """Give the services of `patterns` that want events of this type, and whether each understands this version."""
    found = {service: best(wanted, event_type) for service, wanted in patterns.items()}
    return {
        service: version in (patterns[service][pattern] or [version])
        for service, pattern in found.items()
        if pattern is not None
    }


def queues() -> dict[str, str]:
    """Give the queue that each subscriber named last."""
    return dict(_named())


@prepared
def _named() -> QuerySet[Any]:
    return Subscription.objects.order_by("seen_at", "id").values_list("service", "queue")


def stored_ids(source: str, ids: list[str]) -> list[str]:
    """Give those of `ids` that are stored events of `source`."""
    return list(Event.objects.filter(source=source, event_id__in=ids).values_list("event_id", flat=True))


def refusals_of(source: str, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Give why, and how often, those of `ids` were refused that are refused events of `source`."""
    rows = Refusal.objects.filter(source=source, event_id__in=ids) if ids else Refusal.objects.none()
    return {row.event_id: {"reason": row.reason, "times": row.times} for row in rows}


def events_matching(
    *,
    event_type: str = "",
    aggregate_id: str = "",
    request_id: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Event]:
    """Select events; `event_type` is exact, or a prefix that ends with `*`."""
    wanted = Q()
    if event_type:
        wanted &= type_condition(event_type)
    if aggregate_id:
        wanted &= Q(aggregate_id=aggregate_id)
    if request_id:
        wanted &= Q(request_id=request_id)
    if since:
        wanted &= Q(stored_at__gte=since)
    if until:
        wanted &= Q(stored_at__lte=until)
    return Event.objects.filter(wanted)


def type_condition(pattern: str) -> Q:
    """Make the condition of an event type: exact, or a prefix that ends with `*`."""
    prefix = pattern.removesuffix("*")
    if "*" in prefix:
        raise BadRequest("type is an event type, or its beginning and a *", code="invalid_parameter")
    return Q(type=pattern) if prefix == pattern else Q(type__startswith=prefix)


def _same_aggregate() -> QuerySet[Delivery]:
    """Select the unfinished deliveries of an outer delivery's aggregate, in the words of their index.

    SQLite takes it for these words only, and goes through all that are sent or pending for each row with others.
    """
    return Delivery.objects.filter(subscriber=OuterRef("subscriber"), stream=OuterRef("stream"), done_at=None)


def _behind(now: datetime) -> Exists:
    """Tell whether a dead or parked delivery holds a delivery back."""
    stuck = Q(status__in=(Status.PARKED, Status.DEAD), due_at__gt=now, sequence__lt=OuterRef("sequence"))
    return Exists(_same_aggregate().filter(stuck))


def subscribers_due(now: datetime) -> list[str]:
    """List the subscribers for which something is due."""
    with connection.cursor() as cursor:
        cursor.execute(_SUBSCRIBERS_DUE, [connection.ops.adapt_datetimefield_value(now)])
        return [row[0] for row in cursor.fetchall()]


#: Each batch that is acknowledged asks, so Django is not to compile it anew. PostgreSQL would join a plain EXISTS.
_SUBSCRIBERS_DUE = """
    SELECT service FROM deliveries_subscription WHERE coalesce(EXISTS (
        SELECT 1 FROM deliveries_delivery WHERE subscriber = service AND status = 'pending' AND due_at <= %s
    ), false) GROUP BY service ORDER BY service
"""


def depths() -> list[tuple[str, str, int, datetime]]:
    """Give (subscriber, status, count, time of the oldest) of the deliveries that are not finished."""
    unfinished = Delivery.objects.filter(done_at=None).values("subscriber", "status").order_by("subscriber", "status")
    counted = unfinished.annotate(count=Count("id"), oldest=Min("queued_at"))
    return list(counted.values_list("subscriber", "status", "count", "oldest"))


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A delivery that took effect `seconds` after its publication, or after its replay began."""

    type: str
    subscriber: str
    attempts: int
    seconds: float


def acknowledged_between(after: datetime, until: datetime) -> Iterator[Acknowledged]:
    """Give what was acknowledged after `after`, up to and with `until`."""
    rows = Delivery.objects.filter(done_at__gt=after, done_at__lte=until, status=Status.ACKED)
    names = ("event__type", "subscriber", "attempts", "event__time", "event__stored_at", "queued_at", "done_at")
    for event_type, subscriber, attempts, published, stored_at, queued_at, done_at in rows.values_list(*names):
        again = queued_at - stored_at > QUEUED_WITHIN
        began = queued_at if again else datetime.fromisoformat(published)
        yield Acknowledged(event_type, subscriber, attempts, max((done_at - began).total_seconds(), 0.0))


def stats() -> dict[str, Any]:
    """Give depths, ages and rates of the whole and of each subscriber.

    `blocked` counts the pending deliveries that wait behind dead or parked ones; they make no subscriber degraded.
    """
    now = timezone.now()
    lately = now - RATE_OVER
    subscribers = [_subscriber_stats(name, patterns, now) for name, patterns in sorted(active_patterns().items())]
    ages = [each["oldest_unacknowledged_seconds"] for each in subscribers]
    return {
        "deliveries": {status: Delivery.objects.filter(status=status).count() for status in _UNFINISHED},
        "blocked": sum(each["blocked"] for each in subscribers),
        "oldest_unacknowledged_seconds": max(ages, default=0.0),
        "stored_per_second": _rate(Event.objects.filter(stored_at__gt=lately)),
        "acked_per_second": _rate(Delivery.objects.filter(done_at__gt=lately, status=Status.ACKED)),
        "subscribers": subscribers,
        "replays": [_replay_stats(each) for each in Replay.objects.filter(ended_at=None).order_by("id")],
    }


def _replay_stats(row: Replay) -> dict[str, Any]:
    names = ("id", "subscriber", "type", "aggregate_id", "since", "until", "per_second", "events")
    return {name: getattr(row, name) for name in names}


_UNFINISHED = (Status.HELD, Status.PENDING, Status.SENT, Status.PARKED, Status.DEAD)


def _subscriber_stats(subscriber: str, patterns: Patterns, now: datetime) -> dict[str, Any]:
    mine = Delivery.objects.filter(subscriber=subscriber)
    counts = dict(mine.filter(status__in=_UNFINISHED).values_list("status").annotate(Count("id")))
    waiting, blocked = mine.filter(status__in=UNACKNOWLEDGED), 0
    if Status.DEAD in counts or Status.PARKED in counts:
        blocked = waiting.filter(_behind(now)).count()
        waiting = waiting.exclude(_behind(now))
    oldest = waiting.aggregate(oldest=Min("queued_at"))["oldest"]
    age = (now - oldest).total_seconds() if oldest else 0.0
    seen = Subscription.objects.filter(service=subscriber, ended_at=None).order_by("-seen_at")[0].seen_at
    return {
        "service": subscriber,
        "patterns": sorted(patterns),
        "seen_at": seen,
        **{status: counts.get(status, 0) for status in _UNFINISHED},
        "blocked": blocked,
        "oldest_unacknowledged_seconds": round(age, 3),
        "degraded": age > DEGRADED_AFTER.total_seconds(),
        "acked_per_second": _rate(mine.filter(done_at__gt=now - RATE_OVER, status=Status.ACKED)),
    }


def _rate(rows: QuerySet[Any]) -> float:
    return round(rows.count() / RATE_OVER.total_seconds(), 3)
