"""The effect. Nothing is unique here: what is applied twice leaves two rows."""

from django.db import models


class Effect(models.Model):
    event_id = models.CharField(max_length=64)
    type = models.CharField(max_length=100)
    aggregate_id = models.CharField(max_length=200)
    sequence = models.IntegerField()
    data = models.JSONField()
    seen = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["aggregate_id", "sequence"], name="effect_aggregate")]

    def __str__(self):
        return f"{self.aggregate_id}#{self.sequence}"
