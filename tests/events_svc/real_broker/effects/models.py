"""The visible effect."""

from django.db import models


class Effect(models.Model):
    aggregate_id = models.CharField(max_length=100)
    sequence = models.IntegerField()
    committed_at = models.FloatField()
    applied_at = models.FloatField()

    def __str__(self) -> str:
        return f"{self.aggregate_id}#{self.sequence}"
