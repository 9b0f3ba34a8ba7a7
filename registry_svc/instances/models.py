"""What survives a restart: the registrations, the history of their states, and which Registry holds which leases.

Beats live in memory. Several Registries share these tables in one PostgreSQL.
"""

from typing import ClassVar

from django.db import models


class StoredInstance(models.Model):
    """One registered instance. `desired` is the state that it or an operator wants; `down` says that it is not.

    `owner` names the Registry that holds its lease. With `gone_at` it is a tombstone: no earlier incarnation returns.
    """

    type = models.CharField(max_length=63)
    instance_id = models.CharField(max_length=63)
    incarnation = models.CharField(max_length=36)
    desired = models.CharField(max_length=16)
    down = models.BooleanField(default=False)
    damped = models.BooleanField(default=False)
    owner = models.CharField(max_length=63, blank=True, default="")
    registered_at = models.DateTimeField()
    registration = models.JSONField()
    gone_at = models.DateTimeField(null=True, default=None)

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
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["type", "instance_id", "at"], name="history_of_instance")]

    def __str__(self) -> str:
        return f"{self.type}/{self.instance_id}: {self.before} → {self.after}"


class Node(models.Model):
    """One running Registry of several. It beats by the database's clock; `vitals` is what its leases last said."""

    name = models.CharField(max_length=63, primary_key=True)
    incarnation = models.CharField(max_length=36)
    beat_at = models.DateTimeField()
    vitals = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name
