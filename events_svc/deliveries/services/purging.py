"""Purging: events go after MT_EVENTS_RETENTION_DAYS, where everybody has them or was given up."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from events_svc.deliveries.models import Delivery, Event, Status

CHUNK = 500


def events_purge() -> int:
    """Delete old delivered events, a chunk per transaction; give their number."""
    limit = timezone.now() - timedelta(days=settings.EVENTS_RETENTION_DAYS)
    total = 0
    while deleted := _purge_chunk(limit):
        total += deleted
    return total


@transaction.atomic
def _purge_chunk(limit: datetime) -> int:
    unfinished = Delivery.objects.filter(event=OuterRef("pk")).exclude(status__in=[Status.ACKED, Status.SKIPPED])
    old = Event.objects.filter(stored_at__lt=limit).exclude(Exists(unfinished))
    ids = list(old.order_by("id").values_list("id", flat=True)[:CHUNK])
    Delivery.objects.filter(event__in=ids).delete()
    Event.objects.filter(pk__in=ids).delete()
    return len(ids)
