"""Replaying, retrying and giving up by hand. Event ids stay, so an inbox knows what it has applied already."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from events_svc.deliveries.errors import NothingToRetry, NothingToSkip, SubscriberUnknown
from events_svc.deliveries.models import BLOCKING, Delivery, Event, Status, Subscription
from events_svc.deliveries.selectors import events_matching
from events_svc.deliveries.services.nudge import nudge_after_commit
from events_svc.deliveries.services.storing import deliveries_plan
from libs.contracts.errors import NotFound

log = structlog.get_logger(__name__)

#: Each transaction of a replay is this long, so that others can write in between.
CHUNK = 500


def replay(*, subscriber: str, since: datetime, event_type: str = "") -> int:
    """Deliver to `subscriber` again what was stored since, also what it has not subscribed to then; give the number."""
    if not Subscription.objects.filter(service=subscriber).exists():
        raise SubscriberUnknown
    until = timezone.now()
    wanted = events_matching(event_type=event_type, since=since).filter(stored_at__lte=until)
    return sum(_replay_chunk(subscriber, events, until) for events in _chunks(wanted.order_by("id")))


def _chunks(events: QuerySet[Event]) -> Iterator[list[Event]]:
    last = 0
    while chunk := list(events.filter(id__gt=last).select_related("stream")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


@transaction.atomic
def _replay_chunk(subscriber: str, events: Sequence[Event], now: datetime) -> int:
    mine = Delivery.objects.filter(subscriber=subscriber, event__in=events)
    planned = set(mine.values_list("event_id", flat=True))
    done = mine.filter(status__in=[Status.ACKED, Status.DEAD, Status.SKIPPED])
    again = done.update(status=Status.PENDING, attempts=0, due_at=now, queued_at=now, done_at=None, error="")
    missing = [event for event in events if event.pk not in planned]
    nudge_after_commit()
    return again + deliveries_plan(missing, {event.stream_id: event.stream for event in missing}, only=subscriber)


@transaction.atomic
def delivery_retry(*, delivery_id: int) -> Delivery:
    """Send a delivery that waits, is parked, dead or given up, at once, with all its attempts before it again."""
    found = _locked(delivery_id)
    if found.status not in (Status.PENDING, Status.PARKED, Status.DEAD, Status.SKIPPED):
        raise NothingToRetry
    found.status, found.attempts, found.done_at = Status.PENDING, 0, None
    found.due_at = found.queued_at = timezone.now()
    found.save(update_fields=["status", "attempts", "due_at", "queued_at", "done_at"])
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
