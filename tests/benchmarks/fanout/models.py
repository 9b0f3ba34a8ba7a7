"""What the publisher changes and what a subscriber writes about it."""

from django.db import models


class Change(models.Model):
    task_id = models.CharField(max_length=100)
    number = models.IntegerField()

    def __str__(self):
        return f"{self.task_id}: {self.number}"


class Effect(models.Model):
    number = models.IntegerField()
    committed_at = models.FloatField()
    applied_at = models.FloatField()

    def __str__(self):
        return str(self.number)
