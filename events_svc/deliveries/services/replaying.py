"""Replaying, retrying and giving up by hand. Event ids stay, so an inbox knows what it has applied already."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from events_svc.deliveries.errors import NothingToRetry, NothingToSkip, SubscriberUnknown
from events_svc.deliveries.models import BLOCKING, Delivery, Event, Replay, Status, Subscription
from events_svc.deliveries.selectors import events_matching
from events_svc.deliveries.services.nudge import nudge_after_commit
from events_svc.deliveries.services.storing import deliveries_plan
from libs.contracts.errors import NotFound

log = structlog.get_logger(__name__)

#: Each transaction of a replay is this long, so that others can write in between.
CHUNK = 500
#: A replay at a pace is behind by at most this (seconds).
LATEST = 1.0


def replay(
    *,
    subscriber: str,
    since: datetime,
    until: datetime | None = None,
    event_type: str = "",
    aggregate_id: str = "",
    per_second: float = 0.0,
) -> int:
    """Deliver to `subscriber` again what was stored in a time, also what it has not subscribed to then.

    Gives the number: of deliveries, or, where `per_second` makes it a replay that goes on in the background, of events.
    """
    if not Subscription.objects.filter(service=subscriber).exists():
        raise SubscriberUnknown
    asked = Replay(
        subscriber=subscriber,
        type=event_type,
        aggregate_id=aggregate_id,
        since=since,
        until=min(until or timezone.now(), timezone.now()),
        per_second=per_second,
        place_at=since,
    )
    if per_second:
        count = _wanted(asked).count()
        asked.save()
        return count
    return sum(_replay_chunk(subscriber, events, asked.until) for events in _chunks(asked))


@transaction.atomic
def replays_advance() -> int:
    """Let each replay at a pace send what is due; a time when nobody did is not made up for. Gives the number."""
    now = timezone.now()
    due = Replay.objects.filter(ended_at=None, due_at__lte=now)
    rows = list(due.select_for_update(skip_locked=True).order_by("id")) if due.exists() else []
    return sum(_advance(row, now) for row in rows)


def _advance(row: Replay, now: datetime) -> int:
    late = min((now - row.due_at).total_seconds(), LATEST)
    room = min(1 + int(late * row.per_second), CHUNK)
    events = _next(row, room)
    count = _replay_chunk(row.subscriber, events, now)
    row.events += len(events)
    row.due_at = now + timedelta(seconds=len(events) / row.per_second - late)
    if len(events) < room:
        row.ended_at = now
        log.info("a replay has ended", replay=str(row), events=row.events)
    row.save()
    return count


@transaction.atomic
def replay_stop(*, replay_id: int) -> None:
    """End a replay before its time; NotFound where none such runs."""
    if not Replay.objects.filter(pk=replay_id, ended_at=None).update(ended_at=timezone.now()):
        raise NotFound


def _chunks(asked: Replay) -> Iterator[list[Event]]:
    while chunk := _next(asked, CHUNK):
        yield chunk


def _next(row: Replay, limit: int) -> list[Event]:
    """Take the next events in the order in which they were stored: those from the archive have later ids."""
    later = _wanted(row).filter(stored_at__gte=row.place_at).exclude(stored_at=row.place_at, id__lte=row.place)
    events = list(later.select_related("stream").order_by("stored_at", "id")[:limit])
    if events:
        row.place, row.place_at = events[-1].pk, events[-1].stored_at
    return events


def _wanted(row: Replay) -> QuerySet[Event]:
    return events_matching(event_type=row.type, aggregate_id=row.aggregate_id, since=row.since, until=row.until)


@transaction.atomic
def _replay_chunk(subscriber: str, events: Sequence[Event], now: datetime) -> int:
    mine = Delivery.objects.filter(subscriber=subscriber, event__in=events)
    planned = set(mine.values_list("event_id", flat=True))
    done = mine.filter(status__in=[Status.ACKED, Status.DEAD, Status.SKIPPED])
    fresh = {"status": Status.PENDING, "attempts": 0, "silences": 0, "due_at": now, "queued_at": now, "done_at": None}
    again = done.update(**fresh, error="")
    missing = [event for event in events if event.pk not in planned]
    nudge_after_commit()
    return again + deliveries_plan(missing, {event.stream_id: event.stream for event in missing}, only=subscriber)


@transaction.atomic
def delivery_retry(*, delivery_id: int) -> Delivery:
    """Send a delivery that waits, is parked, dead or given up, at once, with all its attempts before it again."""
    found = _locked(delivery_id)
    if found.status not in (Status.PENDING, Status.PARKED, Status.DEAD, Status.SKIPPED):
        raise NothingToRetry
    found.status, found.attempts, found.silences, found.done_at = Status.PENDING, 0, 0, None
    found.due_at = found.queued_at = timezone.now()
    found.save(update_fields=["status", "attempts", "silences", "due_at", "queued_at", "done_at"])
    nudge_after_commit()
    return found


@transaction.atomic
def delivery_skip(*, delivery_id: int) -> Delivery:
    """Give a delivery up that waits, is parked or dead: later events of its aggregate go on without it."""
    found = _locked(delivery_id)
    if found.status not in BLOCKING:
        raise NothingToSkip
    found.status, found.done_at = Status.SKIPPED, timezone.now()
    found.save(update_fields=["status", "done_at"])
    log.warning("a delivery was given up", delivery=found.pk, subscriber=found.subscriber, type=found.event.type)
    nudge_after_commit()
    return found


def _locked(delivery_id: int) -> Delivery:
    found = Delivery.objects.select_for_update(of=("self",)).select_related("event").filter(pk=delivery_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def deliveries_retry_dead() -> int:
    """Send all dead deliveries again; give their number."""
    now = timezone.now()
    dead = Delivery.objects.filter(status=Status.DEAD)
    nudge_after_commit()
    return dead.update(status=Status.PENDING, attempts=0, due_at=now, queued_at=now, done_at=None)
