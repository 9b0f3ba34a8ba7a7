"""Subscribing: what a service wants. Each call is the whole truth: patterns it does not name have ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from events_svc.deliveries.models import Delivery, Status, Subscription
from events_svc.deliveries.selectors import active_patterns, events_matching, subscribers_of
from events_svc.deliveries.services.nudge import nudge_after_commit
from events_svc.deliveries.services.storing import deliveries_plan

log = structlog.get_logger(__name__)

#: A service that subscribes for the first time also gets events of the last hour, so that a platform may start in any
#: order; later ones get what is stored from then on, and older events by a replay.
LOOK_BACK = timedelta(hours=1)
#: Workers subscribe every minute; after a longer silence the service was away.
AWAY_AFTER = timedelta(seconds=90)


@transaction.atomic
def subscriptions_replace(
    *, service: str, patterns: Sequence[str], queue: str, versions: Mapping[str, Sequence[int]] | None = None
) -> list[Subscription]:
    """Let `service` want exactly `patterns`, delivered to `queue`; give its active subscriptions.

    `versions` are the dataversions that it understands, per pattern; without any it takes all. What was parked because
    of its version is sent when it understands that.
    """
    now = timezone.now()
    known = Subscription.objects.filter(service=service)
    last_seen = known.order_by("-seen_at").values_list("seen_at", flat=True).first()
    known_versions = {pattern: sorted(set(numbers)) for pattern, numbers in (versions or {}).items()}
    wanted = [
        Subscription(service=service, pattern=each, queue=queue, seen_at=now, versions=known_versions.get(each, []))
        for each in sorted(set(patterns))
    ]
    Subscription.objects.bulk_create(
        wanted,
        update_conflicts=True,
        unique_fields=["service", "pattern"],
        update_fields=["versions", "queue", "seen_at", "ended_at"],
    )
    known.filter(ended_at=None).exclude(pattern__in=patterns).update(ended_at=now)
    if last_seen is None:
        _look_back(service, now)
    elif last_seen < now - AWAY_AFTER:
        _welcome_back(service, now)
    _unpark(service, now)
    return list(known.filter(ended_at=None).order_by("pattern"))


def _look_back(service: str, now: datetime) -> None:
    events = list(events_matching(since=now - LOOK_BACK).select_related("stream").order_by("id"))
    planned = deliveries_plan(events, {event.stream_id: event.stream for event in events}, only=service)
    log.info("a service subscribed for the first time", subscriber=service, deliveries=planned)
    nudge_after_commit()


def _unpark(service: str, now: datetime) -> None:
    """Release what waited for a version that the service understands now, in order of sequence as ever."""
    parked = Delivery.objects.filter(subscriber=service, status=Status.PARKED)
    patterns = active_patterns()
    for event_type, version in set(parked.values_list("event__type", "event__dataversion")):
        if subscribers_of(event_type, version, patterns).get(service):
            ready = parked.filter(event__type=event_type, event__dataversion=version)
            released = {"due_at": now, "queued_at": now, "error": ""}
            early = ready.filter(sequence__gt=F("stream__released")).update(status=Status.HELD, **released)
            count = early + ready.update(status=Status.PENDING, **released)
            log.info("parked deliveries go on", subscriber=service, type=event_type, version=version, count=count)
            nudge_after_commit()


def _welcome_back(service: str, now: datetime) -> None:
    """Send at once what only waits because the service was away."""
    silent = Delivery.objects.filter(subscriber=service, status=Status.PENDING, silences__gt=0, due_at__gt=now)
    silent.update(due_at=now, silences=0)
    nudge_after_commit()
