"""The outbox: facts written in the caller's transaction, claimed by relays, kept until Events has them.

Any number of relays may work on one outbox. Order does not depend on them: it comes from `sequence`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.utils import timezone

from libs.contracts.event import Event
from libs.eventbus import nudges, schemas
from libs.eventbus.envelope import ATTRIBUTES, Envelope
from libs.eventbus.models import OutboxEvent
from libs.eventbus.tracing import trace_attributes

#: A relay that dies while it sends gives its rows back after this long.
CLAIM = timedelta(seconds=10)
#: A row that is sent but not stored is sent again after this long, doubled each time up to LONGEST.
RESEND = timedelta(seconds=30)
#: The same where Events has stored what was sent later: the queue keeps its order, so the row is lost, and Events holds
#: back the later sequences of its aggregate, for a minute at most.
OVERTAKEN = timedelta(seconds=5)
LONGEST = timedelta(minutes=10)
#: Events is asked about rows sent at least this long ago.
SETTLED = timedelta(seconds=0.1)
BATCH = 200
ASKED_AT_ONCE = 1000


#: Claiming and marking run for every few events, so their SQL is not compiled anew each time.
_DUE = "FROM eventbus_outboxevent WHERE sent_at IS NULL AND quarantined_at IS NULL AND claimed_until <= %s"


def append(event: Event, *, actor_id: str) -> Envelope:
    """Write `event` with the next sequence of its aggregate and wake the relay after the commit.

    InvalidEvent where it breaks the schema of its type.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("publish() runs inside transaction.atomic()")
    if event.source != settings.SERVICE:
        raise ValueError(f"{event.type} is a fact of {event.source!r}: {settings.SERVICE!r} can't publish it")
    schemas.check(event)
    envelope = Envelope.of(event, sequence=_next_sequence(event.aggregate_id), actor_id=actor_id, **trace_attributes())
    _insert(envelope)
    transaction.on_commit(nudges.OUTBOX.give)
    return envelope


def _next_sequence(aggregate_id: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO eventbus_aggregatesequence (aggregate_id, last) VALUES (%s, 1) "
            "ON CONFLICT (aggregate_id) DO UPDATE SET last = eventbus_aggregatesequence.last + 1 RETURNING last",
            [aggregate_id],
        )
        return int(cursor.fetchone()[0])


def _insert(envelope: Envelope) -> None:
    """Write a new row by a statement that is kept: with `create` Django would compile it anew for every event."""
    database = connections[DEFAULT_DB_ALIAS]  # once, for `connection` looks it up at each touch
    values = [field.get_db_prep_value(getattr(envelope, name), database, prepared=True) for name, field in _FIELDS]
    with database.cursor() as cursor:
        cursor.execute(_STATEMENT, [*values, _stored_moment(timezone.now())])


_COLUMNS = {field.name: field for field in OutboxEvent._meta.concrete_fields}  # noqa: SLF001  (Django's public name)
_FIELDS = [(name, _COLUMNS[name]) for name in ATTRIBUTES]
_STATEMENT = (
    f"INSERT INTO eventbus_outboxevent ({', '.join(ATTRIBUTES)}, claimed_until, attempts) "  # noqa: S608  (names of ours)
    f"VALUES ({', '.join(['%s'] * len(ATTRIBUTES))}, %s, 0)"
)


def claim(limit: int = BATCH) -> list[OutboxEvent]:
    """Take up to `limit` due rows, of which only the event is read; nobody else gets them until CLAIM is over."""
    due, until = map(_stored_moment, (now := timezone.now(), now + CLAIM))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 {_DUE} LIMIT 1", [due])
        if not cursor.fetchone():  # a read: no write lock is taken while there is nothing to do
            return []
    skip = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    claimed = OutboxEvent.objects.raw(
        "UPDATE eventbus_outboxevent SET claimed_until = %s, attempts = attempts + 1 "  # noqa: S608  (texts of ours)
        f"WHERE id IN (SELECT id {_DUE} ORDER BY id LIMIT %s {skip}) RETURNING {', '.join(ATTRIBUTES)}",
        [until, due, limit],
    )
    return sorted(claimed, key=lambda row: row.id)


def mark_sent(rows: Sequence[OutboxEvent]) -> None:
    """Note that the broker took `rows`."""
    places = ", ".join(["%s"] * len(rows))
    ids = [row.id if connection.features.has_native_uuid_field else row.id.hex for row in rows]
    with connection.cursor() as cursor:
        statement = f"UPDATE eventbus_outboxevent SET sent_at = %s WHERE id IN ({places})"  # noqa: S608  (only places)
        cursor.execute(statement, [_stored_moment(timezone.now()), *ids])


def _stored_moment(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def give_back(rows: Iterable[OutboxEvent]) -> None:
    """Make claimed rows due again: the broker did not take them."""
    OutboxEvent.objects.filter(pk__in=[row.pk for row in rows]).update(claimed_until=timezone.now())


class Sent(NamedTuple):
    """What a relay has to know of a row that was sent. A model's instance costs more than all that is done with it."""

    id: UUID
    sent_at: datetime
    attempts: int
    refusals: int


def unconfirmed() -> list[Sent]:
    """List rows that Events should have by now, the oldest first."""
    settled = OutboxEvent.objects.filter(sent_at__lte=timezone.now() - SETTLED)
    return [Sent(*row) for row in settled.order_by("sent_at").values_list(*Sent._fields)[:ASKED_AT_ONCE]]


@dataclass(slots=True)
class Progress:
    """How far Events has come with the queue: when the latest stored row was `sent`, and since when that is known."""

    sent: datetime | None = None
    since: datetime | None = None

    def note(self, rows: Iterable[Sent], stored: set[str]) -> None:
        """Take in what is stored now."""
        latest = max((row.sent_at for row in rows if str(row.id) in stored), default=None)
        if latest and (self.sent is None or latest > self.sent):
            self.sent, self.since = latest, timezone.now()


def settle(rows: Sequence[Sent], stored: set[str], progress: Progress | None = None) -> int:
    """Delete the rows that Events has stored and make long missing ones due again; give the number deleted."""
    now = timezone.now()
    progress = progress or Progress()
    progress.note(rows, stored)
    lost = [row.id for row in rows if str(row.id) not in stored and _overdue(row, now, progress)]
    kept = [row.id for row in rows if str(row.id) in stored]
    if kept:
        OutboxEvent.objects.filter(pk__in=kept).delete()
    if lost:
        OutboxEvent.objects.filter(pk__in=lost).update(sent_at=None, claimed_until=now)
    return len(kept)


def depth() -> tuple[int, float]:
    """Count the events that wait for Events to confirm them, and give the age of the oldest in seconds."""
    waiting = OutboxEvent.objects.filter(quarantined_at=None)
    oldest = waiting.order_by("id").values_list("time", flat=True).first()
    if oldest is None:
        return 0, 0.0
    return waiting.count(), (timezone.now() - datetime.fromisoformat(oldest)).total_seconds()


def _overdue(row: Sent, now: datetime, progress: Progress) -> bool:
    """Tell whether a row is lost. One that none has overtaken may wait in a long queue while Events comes nearer."""
    first, since = RESEND, max(row.sent_at, progress.since or row.sent_at)
    if progress.sent and row.sent_at < progress.sent:
        first, since = OVERTAKEN, row.sent_at
    patience: timedelta = min(first * 2 ** min(row.attempts - 1, 10), LONGEST)
    return since + patience <= now
