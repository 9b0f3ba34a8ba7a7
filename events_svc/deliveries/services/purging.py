"""Purging: old events that everybody has, or that were given up, go; first to the archive, and back from there."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from events_svc.deliveries.archive import Archive
from events_svc.deliveries.models import Delivery, Event, Status, Stream
from events_svc.deliveries.selectors import stored_ids
from events_svc.deliveries.services.storing import event_row
from libs.eventbus.envelope import Envelope, MalformedEnvelope

log = structlog.get_logger(__name__)

CHUNK = 500
FINISHED = (Status.ACKED, Status.SKIPPED)


def events_purge() -> int:
    """Archive and delete old delivered events, a chunk at a time; give their number."""
    total = 0
    with _archive() as archive:
        while count := _purge_chunk(archive):
            total += count
    return total


def _archive() -> AbstractContextManager[Archive | None]:
    return Archive(Path(settings.EVENTS_ARCHIVE_DIR)) if settings.EVENTS_ARCHIVE_DIR else nullcontext()


def _old() -> QuerySet[Event]:
    limit = timezone.now() - timedelta(days=settings.EVENTS_RETENTION_DAYS)
    unfinished = Delivery.objects.filter(event=OuterRef("pk")).exclude(status__in=FINISHED)
    kept_anew = Q(restored_at__gte=limit)
    return Event.objects.filter(stored_at__lt=limit).exclude(kept_anew).exclude(Exists(unfinished))


@transaction.atomic
def _purge_chunk(archive: Archive | None) -> int:
    """Archive and delete some events, which are locked meanwhile: another worker takes others. Gives their number.

    Their deliveries are locked, too, and looked at again: a replay may just have begun.
    """
    locked = list(_old().select_for_update(skip_locked=True).order_by("id")[:CHUNK])
    deliveries = Delivery.objects.filter(event__in=locked).select_for_update().values_list("event_id", "status")
    replayed = {event_id for event_id, status in deliveries if status not in FINISHED}
    rows = [row for row in locked if row.pk not in replayed]
    if rows and archive is not None:
        archive.append({**row.envelope.to_json(), "stored_at": row.stored_at.isoformat()} for row in rows)
    ids = [row.pk for row in rows]
    Delivery.objects.filter(event__in=ids).delete()
    Event.objects.filter(pk__in=ids).delete()
    return len(rows)


def events_restore(lines: Iterable[Mapping[str, Any]]) -> int:
    """Read archived events back in, so that they can be replayed; those that are there stay. Gives the number."""
    total, chunk = 0, []
    for line in lines:
        chunk.append(line)
        if len(chunk) == CHUNK:
            total += _restore(chunk)
            chunk = []
    return total + _restore(chunk)


@transaction.atomic
def _restore(lines: Iterable[Mapping[str, Any]]) -> int:
    read = [pair for pair in map(_readable, lines) if pair]
    sources = {envelope.source for envelope, _ in read}
    known = {(source, each) for source in sources for each in stored_ids(source, [one.id for one, _ in read])}
    new = {(one.source, one.id): (one, at) for one, at in read if (one.source, one.id) not in known}
    now = timezone.now()
    rows = [event_row(one, _stream(one), stored_at=at, restored_at=now) for one, at in new.values()]
    return len(Event.objects.bulk_create(rows))


def _readable(line: Mapping[str, Any]) -> tuple[Envelope, datetime] | None:
    try:
        return Envelope.from_json(line), datetime.fromisoformat(line["stored_at"])
    except (MalformedEnvelope, KeyError, TypeError, ValueError) as error:
        log.warning("a line of the archive can't be read", reason=str(error))
        return None


def _stream(envelope: Envelope) -> Stream:
    """Find the stream; one that is made, in an empty ledger, waits for nothing below this event."""
    return Stream.objects.get_or_create(
        source=envelope.source, aggregate_id=envelope.aggregate_id, defaults={"released": envelope.sequence}
    )[0]
