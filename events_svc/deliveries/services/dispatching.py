"""Dispatching: what goes to a subscriber next. Per aggregate one batch is under way, ascending.

Any number of dispatchers may work at once: whoever locks an aggregate's stream decides alone about its deliveries.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from events_svc.deliveries.models import Delivery, Status, Stream
from events_svc.deliveries.selectors import deliveries_due
from libs.eventbus.batches import MAX_EVENTS, split

#: So many deliveries of one subscriber are under way at most: more would wait in its queue longer than the lease.
WINDOW = 2 * MAX_EVENTS


def deliveries_claim(*, subscriber: str) -> list[Delivery]:
    """Take the next batch for `subscriber` and lease it; empty where nothing is due or enough is under way."""
    now = timezone.now()
    room = min(MAX_EVENTS, WINDOW - Delivery.objects.filter(subscriber=subscriber, status=Status.SENT).count())
    streams = _streams_due(subscriber, now) if room > 0 else set()
    if not streams:
        return []
    with transaction.atomic():
        mine = Stream.objects.filter(pk__in=streams).select_for_update(skip_locked=True).order_by("id")
        # The words of an index, so that the database looks at these streams and not at all that is due.
        due = deliveries_due(subscriber, now).filter(stream__in=[stream.pk for stream in mine], done_at=None)
        rows = due.select_related("event").order_by("stream_id", "sequence")[:room]
        batch = next(split(rows, _weight), [])
        _lease(batch, now)
    return batch


def _streams_due(subscriber: str, now: datetime) -> set[int]:
    oldest = deliveries_due(subscriber, now).order_by("due_at", "id")
    return set(oldest.values_list("stream_id", flat=True)[:MAX_EVENTS])


def _lease(batch: Sequence[Delivery], now: datetime) -> None:
    until = now + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
    rows = Delivery.objects.filter(pk__in=[delivery.pk for delivery in batch])
    rows.update(status=Status.SENT, attempts=F("attempts") + 1, due_at=until, sent_at=now)
    for delivery in batch:
        delivery.attempts += 1


def deliveries_give_back(*, batch: Sequence[Delivery]) -> None:
    """Undo a lease: the broker did not take the batch, so no attempt was made."""
    rows = Delivery.objects.filter(pk__in=[delivery.pk for delivery in batch], status=Status.SENT)
    rows.update(status=Status.PENDING, attempts=F("attempts") - 1, due_at=timezone.now())


def _weight(delivery: Delivery) -> int:
    return 600 + len(json.dumps(delivery.event.data))
