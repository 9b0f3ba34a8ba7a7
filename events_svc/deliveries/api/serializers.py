"""What callers of Events send, and how its rows look."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from events_svc.deliveries.models import Delivery, Event, Status, Subscription
from libs.webapi.serializers import Query, Strict

PATTERN = r"^([a-z_]+|\*)(\.([a-z_]+|\*)){0,4}$"


class SubscriptionBody(Strict):
    """What a service wants; all of it."""

    patterns = serializers.ListField(child=serializers.RegexField(PATTERN, max_length=100), max_length=200)
    queue = serializers.RegexField(r"^[a-z_]+\.[a-z_.]+$", max_length=100)
    versions = serializers.DictField(
        child=serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=100), required=False
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse versions of something else."""
        if attrs.get("versions", {}).keys() - set(attrs["patterns"]):
            raise serializers.ValidationError({"versions": "each key is one of patterns"}, code="unknown_pattern")
        return attrs


class ReplayBody(Strict):
    """Which events a subscriber gets again."""

    subscriber = serializers.CharField(max_length=50)
    type = serializers.CharField(max_length=100, default="")
    aggregate_id = serializers.CharField(max_length=200, default="")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(default=None)
    per_second = serializers.FloatField(min_value=0, max_value=1000, default=0.0)


class ConfirmBody(Strict):
    """Events whose fate a publisher asks for."""

    ids = serializers.ListField(child=serializers.CharField(max_length=64), max_length=1000)


class EventParams(Query):
    """Filters of the event log."""

    type = serializers.CharField(required=False)
    aggregate_id = serializers.CharField(required=False)
    request_id = serializers.CharField(required=False)
    since = serializers.DateTimeField(required=False)


class DeliveryParams(Query):
    """Filters of the deliveries."""

    status = serializers.ChoiceField(Status.choices, required=False)
    subscriber = serializers.CharField(required=False)


def subscription(row: Subscription) -> dict[str, Any]:
    """Show a subscription."""
    return {
        "service": row.service,
        "pattern": row.pattern,
        "versions": row.versions,
        "queue": row.queue,
        "created_at": _time(row.created_at),
        "seen_at": _time(row.seen_at),
        "ended_at": _time(row.ended_at),
    }


def event(row: Event) -> dict[str, Any]:
    """Show an event: its envelope, and when it was stored."""
    return {**row.envelope.to_json(), "stored_at": _time(row.stored_at)}


def delivery(row: Delivery) -> dict[str, Any]:
    """Show a delivery with the event it carries."""
    names = ("type", "source", "aggregate_id", "sequence", "request_id", "time")
    return {
        "id": row.pk,
        "status": row.status,
        "subscriber": row.subscriber,
        "attempts": row.attempts,
        "error": row.error,
        "event": {"id": row.event.event_id, **{name: getattr(row.event, name) for name in names}},
        "queued_at": _time(row.queued_at),
        "sent_at": _time(row.sent_at),
        "due_at": _time(row.due_at) if row.status in (Status.PENDING, Status.SENT) else None,
        "blocks_until": _time(row.due_at) if row.status in (Status.PARKED, Status.DEAD) else None,
        "done_at": _time(row.done_at),
    }


def _time(value: datetime | None) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value else None
