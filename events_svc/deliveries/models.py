"""The ledger: streams of events, who wants which, and one delivery per event and subscriber."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from libs.eventbus.envelope import ATTRIBUTES, Envelope


class Subscription(models.Model):
    """One service wants the events whose type fits a pattern, on its queue, until it ends that.

    `versions` are the dataversions that it understands; empty: any.
    """

    service = models.CharField(max_length=50)
    pattern = models.CharField(max_length=100)
    versions = models.JSONField(default=list)
    queue = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "pattern"], name="subscription_once")]

    def __str__(self) -> str:
        return f"{self.service}: {self.pattern}"


class Stream(models.Model):
    """The events of one aggregate. `released` is the highest sequence up to which nothing is missing or waited for."""

    source = models.CharField(max_length=50)
    aggregate_id = models.CharField(max_length=200)
    released = models.PositiveBigIntegerField(default=0)
    hole_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "aggregate_id"], name="stream_once")]
        indexes = [models.Index(fields=["hole_since"], condition=Q(hole_since__isnull=False), name="stream_holes")]

    def __str__(self) -> str:
        return f"{self.source}/{self.aggregate_id}"

    @property
    def is_empty(self) -> bool:
        """Whether none of its events has been stored yet: the first one releases, or makes a hole."""
        return self.released == 0 and self.hole_since is None


class Event(models.Model):
    """A stored fact. The row id is its place in the log."""

    stream = models.ForeignKey(Stream, models.PROTECT, related_name="events", db_index=False)
    event_id = models.CharField(max_length=64)
    source = models.CharField(max_length=50)
    type = models.CharField(max_length=100)
    subject = models.CharField(max_length=300)
    time = models.CharField(max_length=40)
    dataversion = models.PositiveIntegerField()
    aggregate_id = models.CharField(max_length=200)
    sequence = models.PositiveBigIntegerField()
    actor_id = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=200, blank=True)
    traceparent = models.CharField(max_length=55, blank=True)
    data = models.JSONField()
    stored_at = models.DateTimeField(default=timezone.now, db_index=True)
    restored_at = models.DateTimeField(null=True)  # read back from the archive: it is kept anew from then on

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "event_id"], name="event_once")]
        indexes = [
            models.Index(fields=["stream", "sequence"], name="event_stream"),
            models.Index(fields=["type", "id"], name="event_type"),
            models.Index(fields=["aggregate_id", "id"], name="event_aggregate"),
            models.Index(fields=["request_id"], condition=~Q(request_id=""), name="event_request"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.aggregate_id}#{self.sequence}"

    @property
    def envelope(self) -> Envelope:
        """The event as it travels."""
        return Envelope(**{name: getattr(self, name) for name in ATTRIBUTES} | {"id": self.event_id})


class Refusal(models.Model):
    """An event that could not be stored, by its id. Its publisher asks for it, and sends it no more after some."""

    source = models.CharField(max_length=50)
    event_id = models.CharField(max_length=64)
    times = models.PositiveIntegerField(default=1)
    reason = models.TextField()
    refused_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "event_id"], name="refusal_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}: {self.reason}"


class Status(models.TextChoices):
    """Where a delivery stands."""

    HELD = "held"  # a lower sequence of its aggregate is missing
    PENDING = "pending"  # to be sent when `due_at` has come
    SENT = "sent"  # the subscriber has until `due_at` to acknowledge
    ACKED = "acked"
    PARKED = "parked"  # the subscriber does not know this version of the event yet
    DEAD = "dead"  # all attempts failed: a person decides
    SKIPPED = "skipped"  # a person gave it up


#: These hold later events of their aggregate back until their `due_at` has come.
BLOCKING = (Status.PENDING, Status.PARKED, Status.DEAD)


def blocks_for() -> timedelta:
    """Give the time for which a parked or dead delivery holds later events of its aggregate back."""
    return timedelta(seconds=settings.DEAD_BLOCKS_SECONDS)


class Delivery(models.Model):
    """One event on its way to one subscriber, however many of the subscriber's patterns it fits.

    `due_at` is when something is to happen: sent where it is pending, given up waiting for an answer where it is sent.
    A parked or dead one stays what it is, but lets later events of its aggregate pass from then on. `silences` are the
    times that nobody answered since the last attempt that counted. `done_at` is when it was acknowledged or given up.
    """

    event = models.ForeignKey(Event, models.PROTECT, related_name="deliveries", db_index=False)
    stream = models.ForeignKey(Stream, models.PROTECT, related_name="deliveries", db_index=False)
    sequence = models.PositiveBigIntegerField()
    subscriber = models.CharField(max_length=50)
    status = models.CharField(max_length=10, choices=Status)
    attempts = models.PositiveIntegerField(default=0)
    silences = models.PositiveIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "subscriber"], name="delivery_once")]
        indexes = [
            models.Index(fields=["subscriber", "due_at"], condition=Q(status=Status.PENDING), name="delivery_due"),
            models.Index(fields=["due_at"], condition=Q(status=Status.SENT), name="delivery_leases"),
            models.Index(
                fields=["stream", "subscriber", "sequence"],
                condition=Q(done_at=None),
                name="delivery_unfinished",
            ),
            models.Index(fields=["status", "id"], name="delivery_status"),
            models.Index(fields=["done_at"], condition=Q(done_at__isnull=False), name="delivery_done"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.subscriber}: {self.status}"


class Replay(models.Model):
    """A replay at a pace. `place` and `place_at` say up to which event it has come, `due_at` when the next may go."""

    subscriber = models.CharField(max_length=50)
    type = models.CharField(max_length=100, blank=True)
    aggregate_id = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    per_second = models.FloatField()
    place = models.BigIntegerField(default=0)
    place_at = models.DateTimeField()
    due_at = models.DateTimeField(default=timezone.now)
    events = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(ended_at=None), name="replay_due")]

    def __str__(self) -> str:
        return f"{self.type or '*'} to {self.subscriber} at {self.per_second:g}/s"
