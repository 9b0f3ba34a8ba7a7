"""Storing: each event once, with one delivery per subscriber, in one transaction; released in order of sequence."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import structlog
from django.db import DataError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from events_svc.deliveries.models import Delivery, Event, Status, Stream, blocks_for
from events_svc.deliveries.selectors import active_patterns, stored_ids, subscribers_of
from events_svc.deliveries.services.dispatching import Lease, deliveries_lease_new
from events_svc.deliveries.services.nudge import nudge_after_commit
from events_svc.deliveries.services.refusing import event_refuse
from libs.eventbus.envelope import ATTRIBUTES, Envelope

log = structlog.get_logger(__name__)

#: A missing sequence holds the later ones back for so long.
HOLE_PATIENCE = timedelta(seconds=60)
#: What a database says of values that it can't hold: a text too long, a NUL, half of a surrogate pair.
UNSTORABLE = (DataError, IntegrityError, UnicodeError)


class Stored(NamedTuple):
    """How many events are new, and what of them is leased, by subscriber: whoever stored them sends that now."""

    new: int = 0
    leases: Mapping[str, Sequence[Lease]] = MappingProxyType({})


def events_take(*, source: str, envelopes: Sequence[Envelope]) -> Stored:
    """Store a batch and lease what may go out at once; an event that the database can't hold is refused alone."""
    try:
        return events_store(source=source, envelopes=envelopes, at_once=True)
    except UNSTORABLE:
        return Stored(sum(_store_alone(source, envelope) for envelope in envelopes))


def _store_alone(source: str, envelope: Envelope) -> int:
    try:
        return events_store(source=source, envelopes=[envelope]).new
    except UNSTORABLE as error:
        event_refuse(source=source, event_id=envelope.id, reason=f"{envelope.type} can't be stored: {error}")
        return 0


@transaction.atomic
def events_store(*, source: str, envelopes: Sequence[Envelope], at_once: bool = False) -> Stored:
    """Store those of `envelopes` that are new and plan their deliveries; lease what may go out `at_once`."""
    if not envelopes:
        return Stored()
    streams = _locked_streams(source, {envelope.aggregate_id for envelope in envelopes})
    events = Event.objects.bulk_create(_new_events(source, envelopes, streams))
    if not events:
        return Stored()
    released = _advance_all(streams.values(), events)
    planned = _planned(events, {stream.pk: stream for stream in streams.values()})
    if at_once:
        deliveries_lease_new(planned, timezone.now())
    Delivery.objects.bulk_create(planned)
    if released or any(delivery.status == Status.PENDING for delivery in planned):
        nudge_after_commit()
    return Stored(len(events), _leases(planned))


def _leases(planned: Iterable[Delivery]) -> dict[str, list[Lease]]:
    leases: dict[str, list[Lease]] = defaultdict(list)
    for row in sorted(planned, key=attrgetter("stream_id", "sequence")):
        if row.status == Status.SENT:
            leases[row.subscriber].append(Lease(row.pk, row.attempts, row.event.envelope.to_json()))
    return leases


def deliveries_plan(events: Iterable[Event], streams: Mapping[int, Stream], *, only: str = "") -> int:
    """Make the missing deliveries of `events` to everybody who wants them, or to one subscriber; give their number."""
    return len(Delivery.objects.bulk_create(_planned(events, streams, only=only)))


def _planned(events: Iterable[Event], streams: Mapping[int, Stream], *, only: str = "") -> list[Delivery]:
    patterns = active_patterns()
    if only:
        patterns = {only: patterns.get(only, {})}
    subscribers = cache(partial(subscribers_of, patterns=patterns))
    return [
        _delivery(event, subscriber, streams[event.stream_id], understood=understood)
        for event in events
        for subscriber, understood in subscribers(event.type, event.dataversion).items()
    ]


def _delivery(event: Event, subscriber: str, stream: Stream, *, understood: bool) -> Delivery:
    made = Delivery(event=event, stream_id=event.stream_id, sequence=event.sequence, subscriber=subscriber)
    if not understood:
        made.status, made.due_at = Status.PARKED, timezone.now() + blocks_for()
        made.error = f"{subscriber} does not subscribe to version {event.dataversion} of {event.type} yet."
    else:
        made.status = Status.PENDING if event.sequence <= stream.released else Status.HELD
    return made


def _locked_streams(source: str, aggregate_ids: set[str]) -> dict[str, Stream]:
    """Lock the streams until the transaction ends, and make the missing: who stores events of one does it alone.

    The update changes nothing; it is there to lock and return the rows that exist. All who lock do it in one order.
    """
    places = ", ".join(["(%s, %s, 0)"] * len(aggregate_ids))
    streams = Stream.objects.raw(
        f"INSERT INTO deliveries_stream (source, aggregate_id, released) VALUES {places} "  # noqa: S608  (only places)
        "ON CONFLICT (source, aggregate_id) DO UPDATE SET source = excluded.source RETURNING *",
        [value for each in sorted(aggregate_ids) for value in (source, each)],
    )
    return {stream.aggregate_id: stream for stream in streams}


def _new_events(source: str, envelopes: Sequence[Envelope], streams: Mapping[str, Stream]) -> list[Event]:
    by_id = {envelope.id: envelope for envelope in envelopes}
    repeatable = [envelope.id for envelope in by_id.values() if not streams[envelope.aggregate_id].is_empty]
    for event_id in stored_ids(source, repeatable) if repeatable else ():
        del by_id[event_id]
    return [event_row(envelope, streams[envelope.aggregate_id]) for envelope in by_id.values()]


def event_row(envelope: Envelope, stream: Stream, **more: Any) -> Event:
    """Make the row of `envelope`; it is not saved."""
    values = {name: getattr(envelope, name) for name in ATTRIBUTES}
    return Event(stream=stream, event_id=values.pop("id"), **values, **more)


def _advance_all(streams: Iterable[Stream], events: Iterable[Event]) -> int:
    """Move the marks of `streams` over the new `events`; give the number of older deliveries that this lets go.

    A stream without a hole needs no look at older ones.
    """
    now = timezone.now()
    whole = [stream for stream in streams if not stream.hole_since]
    released = _release([stream for stream in streams if stream.hole_since], now)
    new: dict[int, list[int]] = defaultdict(list)
    for event in events:
        new[event.stream_id].append(event.sequence)
    for stream in whole:
        _advance(stream, sorted(new[stream.pk]), now)
    _save(whole)
    return released


def _save(streams: Iterable[Stream]) -> None:
    """Write the marks, equal ones together: most streams of a batch are new and have one event."""
    equal: dict[tuple[int, datetime | None], list[int]] = defaultdict(list)
    for stream in streams:
        equal[stream.released, stream.hole_since].append(stream.pk)
    for (released, hole_since), ids in equal.items():
        Stream.objects.filter(pk__in=ids).update(released=released, hole_since=hole_since)


def _release(streams: Sequence[Stream], now: datetime) -> int:
    """Move each mark up to the first missing sequence and let go what was held below it; give the number of that."""
    if not streams:
        return 0
    waiting = _sequences_beyond(streams)
    for stream in streams:
        _advance(stream, waiting[stream.pk], now)
    _save(streams)
    held = Delivery.objects.filter(status=Status.HELD, stream__in=streams, sequence__lte=F("stream__released"))
    return held.update(status=Status.PENDING, due_at=now, queued_at=now)


def _sequences_beyond(streams: Iterable[Stream]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    beyond = Event.objects.filter(stream__in=streams, sequence__gt=F("stream__released")).order_by("sequence")
    for stream_id, sequence in beyond.values_list("stream_id", "sequence"):
        found[stream_id].append(sequence)
    return found


def _advance(stream: Stream, waiting: Sequence[int], now: datetime) -> None:
    before = stream.released
    for sequence in waiting:
        if sequence == stream.released + 1:
            stream.released = sequence
    if not waiting or waiting[-1] <= stream.released:
        stream.hole_since = None
    elif stream.hole_since is None or stream.released > before:
        stream.hole_since = now


@transaction.atomic
def holes_pass() -> int:
    """Give up on sequences that are missing for too long: report them and release what they held; give the number."""
    now = timezone.now()
    old = Stream.objects.filter(hole_since__lte=now - HOLE_PATIENCE)
    streams = list(old.select_for_update(skip_locked=True).order_by("id")[:100]) if old.exists() else []
    waiting = _sequences_beyond(streams)
    for stream in streams:
        first = waiting[stream.pk][0]
        log.error("events are missing and were passed over", stream=str(stream), after=stream.released, before=first)
        stream.released = first - 1
    if streams:
        _release(streams, now)
        nudge_after_commit()
    return len(streams)
