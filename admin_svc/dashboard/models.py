"""What the dashboard remembers itself: state changes it saw, what its users did, and failed sign-ins."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Transition(models.Model):
    """One change of an instance's state, as this dashboard saw it. `number` counts 1, 2, 3 … per instance."""

    GONE = "gone"

    service = models.CharField(max_length=63)
    instance = models.CharField(max_length=63)
    number = models.PositiveBigIntegerField()
    incarnation = models.CharField(max_length=36, blank=True)
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16)
    address = models.CharField(max_length=255, blank=True)
    version = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "state change"
        constraints = [models.UniqueConstraint(fields=["service", "instance", "number"], name="transition_number")]

    def __str__(self) -> str:
        return f"{self.instance}: {self.before or 'new'} → {self.after}"

    @property
    def restarted(self) -> bool:
        """Say whether another process has taken the slot without a state between."""
        return self.before == self.after


class AuditEntry(models.Model):
    """What somebody did through the dashboard, and how it ended. It outlives the user."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    username = models.CharField(max_length=150)
    verb = models.CharField(max_length=32)
    target = models.CharField(max_length=255)
    details = models.JSONField(default=dict)
    failure = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "audit"
        permissions = [("operate", "Can retry, replay, drain and resume")]

    def __str__(self) -> str:
        return f"{self.username}: {self.verb} {self.target}"


class LoginFailure(models.Model):
    """A failed sign-in; enough of them close the door for a while."""

    username = models.CharField(max_length=150, db_index=True)
    address = models.CharField(max_length=45, db_index=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.username} from {self.address}"
