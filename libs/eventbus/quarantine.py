"""The quarantine: events of the outbox that Events refuses. They are sent no more and wait for a person.

Events remembers what it has refused, and why, and says so where a relay asks what is stored. One refusal proves little:
an update of Events may take the event. After REFUSALS it stays what it is.

Later events of the same aggregate do not wait for one in here: Events passes its sequence like any other that is
missing, and where it is stored after all it comes late (decision 16).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog
from django.db.models import QuerySet
from django.utils import timezone

from libs.eventbus.models import OutboxEvent
from libs.eventbus.outbox import Sent

log = structlog.get_logger(__name__)

#: With the pauses of the outbox these take one to eight minutes.
REFUSALS = 5


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Events says of an event that it has refused so many `times`, the last time for `reason`."""

    reason: str
    times: int


def note(rows: Iterable[Sent], refused: Mapping[str, Refusal]) -> None:
    """Note what is refused anew among `rows`, and put into quarantine what was refused too often."""
    for row in rows:
        refusal = refused.get(str(row.id))
        if refusal is None or refusal.times == row.refusals:  # the one that is known: the event may be under way again
            continue
        outside = OutboxEvent.objects.filter(pk=row.id, quarantined_at=None)
        outside.update(refusals=refusal.times, refusal=refusal.reason)
        if refusal.times >= REFUSALS and outside.update(quarantined_at=timezone.now(), sent_at=None):
            log.error("an event is in quarantine", event_id=str(row.id), refusals=refusal.times, reason=refusal.reason)


def quarantined() -> QuerySet[OutboxEvent]:
    """Select what is in quarantine, the oldest first."""
    return OutboxEvent.objects.filter(quarantined_at__isnull=False).order_by("quarantined_at", "id")


def retry(rows: QuerySet[OutboxEvent]) -> int:
    """Send `rows`, all or some of those in quarantine, again; give their number. One more refusal brings each back."""
    return rows.order_by().update(quarantined_at=None, claimed_until=timezone.now(), attempts=0)


def drop(rows: QuerySet[OutboxEvent]) -> int:
    """Give up `rows`, all or some of those in quarantine: nobody will ever get them. Gives their number."""
    for row in rows:
        log.warning("an event was dropped", event_id=str(row.pk), name=str(row), reason=row.refusal)
    return rows.order_by().delete()[0]
