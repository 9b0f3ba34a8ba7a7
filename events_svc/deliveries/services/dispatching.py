"""Dispatching: what goes to a subscriber next. Per aggregate one batch is under way, ascending.

Any number of dispatchers may work at once: whoever locks an aggregate's stream decides alone about its deliveries.

What a claim reads must follow from the batch and not from the backlog. So each statement walks along one index, and is
written by hand: Django would compile it for longer than it takes, and planners were seen to join what is due with all
that waits.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, takewhile
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from events_svc.deliveries.models import BLOCKING, Delivery, Status
from libs.eventbus.batches import MAX_EVENTS, split
from libs.eventbus.envelope import ATTRIBUTES, SPECVERSION

_Row: TypeAlias = tuple[Any, ...]

#: So many deliveries of one subscriber are under way at most: more would wait in its queue longer than the lease.
WINDOW = 2 * MAX_EVENTS

_UNDER_WAY = "SELECT stream_id FROM deliveries_delivery WHERE subscriber = %(subscriber)s AND status = 'sent'"
_DUE = """
    SELECT due_at, id, stream_id, sequence FROM deliveries_delivery
    WHERE subscriber = %(subscriber)s AND status = 'pending' AND due_at <= %(now)s AND (due_at, id) > (%(due)s, %(id)s)
    AND stream_id NOT IN ({passed}) ORDER BY due_at, id LIMIT %(room)s
"""
_UNFINISHED = """
    WITH wanted (stream_id, last) AS (VALUES {wanted})
    SELECT d.stream_id, d.sequence, d.id, d.event_id, d.status, d.due_at <= %(now)s FROM wanted CROSS JOIN {lateral}
    ORDER BY d.stream_id, d.sequence
"""
_OF_ONE = """
    deliveries_delivery d
    WHERE d.stream_id = wanted.stream_id AND d.subscriber = %(subscriber)s AND d.sequence <= wanted.last
    AND d.done_at IS NULL
"""
#: PostgreSQL reads the whole table in place of an index, where nothing says that it takes stream after stream.
_LATERAL = {
    "sqlite": _OF_ONE,
    "postgresql": f"LATERAL (SELECT * FROM {_OF_ONE} ORDER BY d.sequence LIMIT %(room)s) d",  # noqa: S608  (ours)
}
_UNDER_WAY_OF_ALL = "SELECT subscriber, count(*) FROM deliveries_delivery WHERE status = 'sent' GROUP BY subscriber"
#: PostgreSQL would join a plain EXISTS, for which it goes through all that waits.
_BUSY = """
    WITH wanted (subscriber, stream_id) AS (VALUES {wanted}) SELECT subscriber, stream_id FROM wanted
    WHERE coalesce(EXISTS (
        SELECT 1 FROM deliveries_delivery d
        WHERE d.stream_id = wanted.stream_id AND d.subscriber = wanted.subscriber AND d.done_at IS NULL
    ), false)
"""
_LOCK = "SELECT id FROM deliveries_stream WHERE id IN ({ids}) ORDER BY id FOR UPDATE SKIP LOCKED"
_LEASE = """
    UPDATE deliveries_delivery SET status = 'sent', attempts = attempts + 1, due_at = %(until)s, sent_at = %(now)s
    WHERE id IN ({ids}) AND status = 'pending' RETURNING id, attempts
"""
_EVENTS = f"SELECT id, event_id, {', '.join(list(ATTRIBUTES)[1:])} FROM deliveries_event WHERE id IN ({{ids}})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Lease:
    """A delivery that goes out now, for the `attempt`-th time, with its event as it travels; `weight` is in bytes."""

    delivery: int
    attempt: int
    event: dict[str, Any]
    weight: int = 0


def deliveries_claim(*, subscriber: str) -> list[Lease]:
    """Take the next batch for `subscriber` and lease it; empty where nothing is due or enough is under way."""
    now = timezone.now()
    values = {"subscriber": subscriber, "now": _stored(now), "until": _stored(leased_until(now))}
    under_way = _column(_UNDER_WAY, values)
    values["room"] = min(MAX_EVENTS, WINDOW - len(under_way))
    wanted = _wanted(values, set(under_way)) if values["room"] > 0 else {}
    if not wanted:
        return []
    with transaction.atomic():
        mine = _locked(wanted) - set(_column(_UNDER_WAY, values))
        ready = _ready({stream: last for stream, last in wanted.items() if stream in mine}, values)
        leases = _lease([row for rows in ready.values() for row in rows][: values["room"]], values)
        batch = next(split(leases, lambda lease: lease.weight), [])
        deliveries_give_back(leases[len(batch) :])
    return batch


def _wanted(values: dict[str, Any], passed: set[int]) -> dict[int, int]:
    """Find aggregates with enough to send, the oldest first, and up to which sequence; `passed` ones are left out."""
    wanted: dict[int, int] = {}
    found, place = 0, {"due": _stored(datetime.min.replace(tzinfo=UTC)), "id": 0}
    while found < values["room"]:
        due = _rows(_DUE.format(passed=_numbers(passed)), {**values, **place})
        if not due:
            break
        place = dict(zip(place, due[-1], strict=False))
        lasts = {stream: last for _, _, stream, last in sorted(due, key=itemgetter(3))}
        for stream, rows in _ready(lasts, values).items():
            wanted[stream] = lasts[stream]
            found += len(rows)
        passed |= lasts.keys()
    return wanted


def _ready(lasts: Mapping[int, int], values: Mapping[str, Any]) -> dict[int, list[_Row]]:
    """Give the deliveries of these streams, each up to its last one, that nothing before them holds back."""
    if not lasts:
        return {}
    places = ", ".join(f"({stream}, {last})" for stream, last in lasts.items())
    statement = _UNFINISHED.format(wanted=places, lateral=_LATERAL[connection.vendor])
    return {stream: list(_free(rows)) for stream, rows in groupby(_rows(statement, values), itemgetter(0))}


def _free(rows: Iterable[_Row]) -> Iterator[_Row]:
    """Give those of one stream that may go, up to the first one that waits for its time or for a person."""
    for row in rows:
        *_, status, is_due = row
        if status in BLOCKING and not is_due:
            break
        if status == Status.PENDING:
            yield row


def deliveries_lease_new(planned: Iterable[Delivery], now: datetime) -> None:
    """Lease those of `planned`, not saved yet, that may go out at once: nothing of their aggregate is unfinished.

    Their streams are locked. A claim would come to the same, by several statements more for each subscriber.
    """
    order = sorted(planned, key=attrgetter("subscriber", "stream_id", "sequence"))
    chains = {key: list(chain) for key, chain in groupby(order, attrgetter("subscriber", "stream_id"))}
    under_way: dict[str, int] = dict(_rows(_UNDER_WAY_OF_ALL, {}))
    room = {subscriber: WINDOW - under_way.get(subscriber, 0) for subscriber, _ in chains}
    chains = {key: chain for key, chain in chains.items() if room[key[0]] > 0}
    busy = _busy(chains)
    for key, chain in chains.items():
        if key not in busy:
            free = list(takewhile(lambda delivery: delivery.status == Status.PENDING, chain))[: room[key[0]]]
            room[key[0]] -= len(free)
            for delivery in free:
                delivery.status, delivery.attempts, delivery.sent_at = Status.SENT, 1, now
                delivery.due_at = leased_until(now)


def _busy(keys: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
    """Give those of (subscriber, stream) that have an unfinished delivery."""
    if not keys:
        return set()
    names = {f"s{number}": subscriber for number, subscriber in enumerate(sorted({each for each, _ in keys}))}
    places = {subscriber: f"%({name})s" for name, subscriber in names.items()}
    wanted = ", ".join(f"({places[subscriber]}, {stream})" for subscriber, stream in keys)
    return {(subscriber, stream) for subscriber, stream in _rows(_BUSY.format(wanted=wanted), names)}


def leased_until(now: datetime) -> datetime:
    """Give the time until which a subscriber has to acknowledge what is sent to it now."""
    return now + timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)


def _locked(streams: Iterable[int]) -> set[int]:
    """Lock those of `streams` that nobody else has; SQLite has given its only write lock to this transaction."""
    if not connection.features.has_select_for_update_skip_locked:
        return set(streams)
    return set(_column(_LOCK.format(ids=_numbers(streams)), {}))


def _lease(rows: Sequence[_Row], values: Mapping[str, Any]) -> list[Lease]:
    """Lease these; what was acknowledged a moment ago, as an answer to an earlier attempt, stays so."""
    if not rows:
        return []
    attempts: dict[int, int] = dict(_rows(_LEASE.format(ids=_numbers(row[2] for row in rows)), values))
    events = {event: rest for event, *rest in _rows(_EVENTS.format(ids=_numbers(row[3] for row in rows)), {})}
    return [
        _leased(delivery, attempts[delivery], events[event])
        for _, _, delivery, event, *_ in rows
        if delivery in attempts
    ]


def _leased(delivery: int, attempt: int, values: Sequence[Any]) -> Lease:
    event = {"specversion": SPECVERSION, **dict(zip(ATTRIBUTES, values, strict=True))}
    event["data"] = json.loads(text := event["data"])
    return Lease(delivery, attempt, event, 600 + len(text))


def deliveries_give_back(leases: Iterable[Lease]) -> None:
    """Undo leases: the broker did not take them, so no attempt was made."""
    ids = [lease.delivery for lease in leases]
    if ids:
        rows = Delivery.objects.filter(pk__in=ids, status=Status.SENT)
        rows.update(status=Status.PENDING, attempts=F("attempts") - 1, due_at=timezone.now())


def _rows(statement: str, values: Mapping[str, Any]) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _column(statement: str, values: Mapping[str, Any]) -> list[int]:
    return [row[0] for row in _rows(statement, values)]


def _numbers(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids)) or "0"


def _stored(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
