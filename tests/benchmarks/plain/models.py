"""Lists and tasks with the fields of ours, less those that say what became of a deleted one."""

import builtins
import uuid

from django.contrib.auth.models import User
from django.db import models


class TaskList(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=200)
    owner = models.ForeignKey(User, models.CASCADE)

    def __str__(self):
        return self.name


class Task(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    list = models.ForeignKey(TaskList, models.CASCADE, related_name="tasks")
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True)
    title = models.CharField(max_length=500)
    notes = models.TextField(default="", blank=True)
    status = models.CharField(max_length=9, default="open", choices=[(s, s) for s in ("open", "done", "cancelled")])
    priority = models.PositiveSmallIntegerField(default=0)
    due = models.JSONField(null=True, blank=True)
    rank = models.TextField(default="a0")
    labels = models.JSONField(default=builtins.list, blank=True)
    assignees = models.JSONField(default=builtins.list, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    completed_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, editable=False, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["list", "rank", "id"], name="plain_list_rank")]

    def __str__(self):
        return self.title
