"""The inbox: each event takes effect once. The inbox row comes first and shares a transaction with the effect.

Whoever inserts the row second waits for the first one's commit and then does nothing; where the first one rolled back,
the second one's row counts. So two workers can't both apply one event, and `kill -9` leaves row and effect, or neither.
"""

from collections.abc import Mapping
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from libs.eventbus.envelope import Envelope
from libs.eventbus.models import InboxEvent
from libs.eventbus.reactions import Reaction, find
from libs.eventbus.tracing import fields_of
from libs.telemetry import context

#: Longer than Events keeps what it could send again.
KEPT = timedelta(days=90)


def apply(envelope: Envelope, reactions: Mapping[str, Reaction]) -> bool:
    """Run the reaction to `envelope` unless that has happened before; tell whether it ran now.

    What the reaction raises goes through, and nothing of it remains in the database.
    """
    reaction = find(reactions, envelope.type)
    if reaction is None:
        return False
    with context.bound(**fields_of(envelope)), transaction.atomic():
        first = _insert(envelope)
        if first:
            reaction(envelope)
    return first


def _insert(envelope: Envelope) -> bool:
    """Insert the row; False where it is there already; the ORM's `ignore_conflicts` does not tell."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO eventbus_inboxevent (source, event_id, applied_at) VALUES (%s, %s, %s) "
            "ON CONFLICT (source, event_id) DO NOTHING",
            [envelope.source, envelope.id, connection.ops.adapt_datetimefield_value(timezone.now())],
        )
        inserted: bool = cursor.rowcount == 1
    return inserted


def purge() -> int:
    """Delete rows older than KEPT; give their number."""
    return InboxEvent.objects.filter(applied_at__lt=timezone.now() - KEPT).delete()[0]
