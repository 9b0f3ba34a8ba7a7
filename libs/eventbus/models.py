"""What the event bus remembers in each service's own database."""

from django.db import models
from django.utils import timezone

from libs.eventbus.envelope import ATTRIBUTES, Envelope


class AggregateSequence(models.Model):
    """The last sequence given to an aggregate's events.

    Its row stays locked until the publisher's transaction ends, so a rollback leaves no gap.
    """

    aggregate_id = models.CharField(primary_key=True, max_length=200)
    last = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.aggregate_id}: {self.last}"


class OutboxEvent(models.Model):
    """A published event that Events has not confirmed yet.

    Unsent rows are due when `claimed_until` has passed; sent ones wait for the confirmation, then go. `refusals` says
    how often Events has refused it, `refusal` why; one in quarantine waits for a person.
    """

    id = models.UUIDField(primary_key=True)
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
    claimed_until = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    # With defaults of the database too, because processes of the version before go on publishing after a migration.
    refusals = models.PositiveIntegerField(default=0, db_default=0)
    refusal = models.TextField(blank=True, default="", db_default="")
    quarantined_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["aggregate_id", "sequence"], name="outbox_sequence")]
        indexes = [
            models.Index(
                fields=["claimed_until"], condition=models.Q(sent_at=None, quarantined_at=None), name="outbox_due"
            ),
            models.Index(fields=["sent_at"], condition=models.Q(sent_at__isnull=False), name="outbox_unconfirmed"),
            models.Index(
                fields=["quarantined_at"], condition=models.Q(quarantined_at__isnull=False), name="outbox_quarantine"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.aggregate_id}#{self.sequence}"

    @property
    def envelope(self) -> Envelope:
        """The event as it travels."""
        return Envelope(**{name: getattr(self, name) for name in ATTRIBUTES} | {"id": str(self.id)})


class InboxEvent(models.Model):
    """An event whose reaction has committed: its row and the effect share one transaction."""

    source = models.CharField(max_length=50)
    event_id = models.CharField(max_length=64)
    applied_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "event_id"], name="inbox_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}"
