"""Refusing: what Events can't take is remembered with its reason, so that its publisher learns of it and stops."""

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from events_svc.deliveries.models import Refusal
from libs.telemetry import metrics

log = structlog.get_logger(__name__)

REFUSED = metrics.counter("mt_events_refused", "Events that this process refused, each time anew.", "source")

#: A reason is for people; what a database says may go on with the whole row, which is about people.
LONGEST = 300


@transaction.atomic
def event_refuse(*, source: str, event_id: object, reason: str) -> None:
    """Remember that an event of `source` was refused once more; one without a proper id is only logged."""
    first_line = reason.split("\n", 1)[0][:LONGEST]
    log.warning("an event was refused", source=source, event_id=event_id, reason=first_line)
    known = _outbox_id(event_id)
    REFUSED.labels(source).inc()
    if known is None:
        return
    noted = {"reason": _storable(first_line), "refused_at": timezone.now()}
    if not Refusal.objects.filter(source=source, event_id=known).update(times=F("times") + 1, **noted):
        Refusal.objects.bulk_create([Refusal(source=source, event_id=known, **noted)], ignore_conflicts=True)


def _outbox_id(value: object) -> str | None:
    """Give an id in the form in which outboxes have them; None where it is no such id."""
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _storable(text: str) -> str:
    """Replace what databases do not hold: NULs and halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def refusals_purge() -> int:
    """Forget refusals as old as events that are forgotten; give their number."""
    old = Refusal.objects.filter(refused_at__lt=timezone.now() - timedelta(days=settings.EVENTS_RETENTION_DAYS))
    return old.delete()[0]
