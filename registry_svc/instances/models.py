"""What survives a restart: the registrations, and the history of their states. Beats live in memory."""

from typing import ClassVar

from django.db import models


class StoredInstance(models.Model):
    """One registered instance. `desired` is the state that it or an operator wants; `down` says that it is not."""

    type = models.CharField(max_length=63)
    instance_id = models.CharField(max_length=63)
    incarnation = models.CharField(max_length=36)
    desired = models.CharField(max_length=16)
    down = models.BooleanField(default=False)
    registered_at = models.DateTimeField()
    registration = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["type", "instance_id"], name="one_row_per_instance"),
        ]

    def __str__(self) -> str:
        return f"{self.type}/{self.instance_id}"


class Transition(models.Model):
    """One change of an instance's state, kept as history. An empty `after` means that it is gone."""

    type = models.CharField(max_length=63)
    instance_id = models.CharField(max_length=63)
    incarnation = models.CharField(max_length=36)
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["type", "instance_id", "at"], name="history_of_instance")]

    def __str__(self) -> str:
        return f"{self.type}/{self.instance_id}: {self.before} → {self.after}"
