"""What TODO stores. Invariants are constraints here; side effects are in `services`."""

import unicodedata
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from todo_svc.todos.roles import Grant, Role


def new_id() -> UUID:
    """Make a UUIDv7."""
    return uuid7()


def email_key(email: str) -> str:
    """Give the form in which addresses are compared: case and compatible characters make no difference."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()


def nothing() -> "list[str]":
    """Give an empty list (inside a model with a field `list` the builtin has no name)."""
    return []


class RankField(models.TextField):  # type: ignore[type-arg]  # generic for the type checker only
    """Text in byte order on every database (SQLite's default; collation "C" on PostgreSQL)."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Name the collation where the default may be another."""
        collation = "C" if connection.vendor == "postgresql" else None
        return {**super().db_parameters(connection), "collation": collation}


class Versioned(models.Model):
    """An object that clients may change: its version goes up by one with each change."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    def touch(self) -> None:
        """Count a change; the caller saves."""
        self.version += 1
        self.updated_at = timezone.now()


class Person(models.Model):
    """A user as Auth tells of them. An erased one keeps the id only, so that late events find out."""

    id = models.UUIDField(primary_key=True)
    email = models.CharField(max_length=254)
    email_key = models.CharField(max_length=1024, db_index=True)
    display_name = models.CharField(max_length=200)
    applied_sequence = models.BigIntegerField(default=0)
    erased = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.id)


class TaskList(Versioned):
    """A list of tasks. Who may see it says its shares; `inbox_of` makes it the one Inbox of a user."""

    name = models.CharField(max_length=200)
    color = models.CharField(max_length=32, null=True)
    rank = RankField()
    archived = models.BooleanField(default=False)
    inbox_of = models.UUIDField(null=True, unique=True)
    deleted_at = models.DateTimeField(null=True)

    #: Filled in by the selectors: for whom the list was read, and what it holds.
    my_role: int
    open_count: int
    done_count: int

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["rank", "id"], name="list_rank")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_inbox(self) -> bool:
        """Whether this is somebody's Inbox."""
        return self.inbox_of is not None

    @property
    def grant(self) -> Grant:
        """What the reader may do."""
        return Grant(list_role=self.my_role)


class Task(Versioned):
    """A task. `labels` and `assignees` are kept here for reading, and in tables of their own for finding.

    `deleted_with` is the task whose deletion took this one to the trash: itself, or one above.
    """

    class Status(models.TextChoices):
        """What became of it."""

        OPEN = "open"
        DONE = "done"
        CANCELLED = "cancelled"

    list = models.ForeignKey(TaskList, models.CASCADE, related_name="tasks", db_index=False)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children", db_index=False)
    title = models.CharField(max_length=500)
    notes = models.TextField(default="", blank=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.OPEN)
    priority = models.PositiveSmallIntegerField(default=0)
    due = models.JSONField(null=True)
    due_at = models.DateTimeField(null=True)
    rank = RankField()
    labels = models.JSONField(default=nothing)
    assignees = models.JSONField(default=nothing)
    completed_at = models.DateTimeField(null=True)
    completed_by = models.UUIDField(null=True)
    created_by = models.UUIDField(null=True, db_index=True)
    deleted_at = models.DateTimeField(null=True)
    deleted_with = models.UUIDField(null=True)

    #: Filled in by the selectors: what the reader may do.
    grant: Grant

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["list", "rank", "id"], name="task_list_rank"),
            models.Index(fields=["list", "status", "deleted_at"], name="task_list_status"),
            models.Index(fields=["list", "due_at"], name="task_list_due"),
            models.Index(fields=["list", "updated_at"], name="task_list_updated"),
            # Of tasks that have one; each entry more is a page that every new task would write.
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="task_parent"),
            models.Index(fields=["completed_by"], condition=Q(completed_by__isnull=False), name="task_completed_by"),
            models.Index(fields=["deleted_with"], condition=Q(deleted_with__isnull=False), name="task_deleted_with"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class TaskLabel(models.Model):
    """Finds tasks by label."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="label_rows")
    name = models.CharField(max_length=100, db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["task", "name"], name="task_label_unique")
        ]

    def __str__(self) -> str:
        return self.name


class TaskAssignee(models.Model):
    """Finds tasks by assignee."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="assignee_rows")
    user_id = models.UUIDField(db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["task", "user_id"], name="task_assignee_unique")
        ]

    def __str__(self) -> str:
        return str(self.user_id)


class Share(Versioned):
    """A member of a list or of a single task: a user, or an invited address that no user has yet."""

    list = models.ForeignKey(TaskList, models.CASCADE, null=True, related_name="shares")
    task = models.ForeignKey(Task, models.CASCADE, null=True, related_name="shares")
    user = models.ForeignKey(Person, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    email = models.CharField(max_length=254, default="")
    email_key = models.CharField(max_length=1024, default="", db_index=True)
    role = models.PositiveSmallIntegerField(choices=Role.choices)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(list=None, task__isnull=False) | Q(task=None, list__isnull=False), name="share_of_one_thing"
            ),
            models.CheckConstraint(
                condition=Q(user=None, email_key__gt="") | Q(user__isnull=False, email_key=""), name="share_has_member"
            ),
            models.UniqueConstraint(fields=["list", "user"], name="share_list_user"),
            models.UniqueConstraint(fields=["task", "user"], name="share_task_user"),
            models.UniqueConstraint(fields=["list", "email_key"], condition=Q(user=None), name="share_list_email"),
            models.UniqueConstraint(fields=["task", "email_key"], condition=Q(user=None), name="share_task_email"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_active(self) -> bool:
        """Whether the member has an account; an invited one has not."""
        return self.user_id is not None


class Label(Versioned):
    """A label in somebody's own catalogue; tasks carry names only."""

    owner_id = models.UUIDField()
    name = models.CharField(max_length=100)
    color = models.CharField(max_length=32, null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["owner_id", "name"], name="label_owner_name")
        ]

    def __str__(self) -> str:
        return self.name


class Comment(Versioned):
    """What somebody wrote under a task. `author_id` is empty once the author's account is erased."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="comments")
    author_id = models.UUIDField(null=True, db_index=True)
    body = models.TextField()

    def __str__(self) -> str:
        return str(self.id)


class Activity(models.Model):
    """One change of a list or of a task, written in the transaction of the change."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    list = models.ForeignKey(TaskList, models.CASCADE, related_name="activity")
    task = models.ForeignKey(Task, models.CASCADE, null=True, related_name="activity")
    actor = models.ForeignKey(Person, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    action = models.CharField(max_length=32)
    changes = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.action} at {self.at}"


class TrashEntry(models.Model):
    """A deleted list, or a deleted task with all below it; `id` is that object's own."""

    id = models.UUIDField(primary_key=True)
    list = models.ForeignKey(TaskList, models.CASCADE, related_name="trash_entries")
    task = models.OneToOneField(Task, models.CASCADE, null=True, related_name="trash_entry")
    title = models.CharField(max_length=500)
    deleted_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.id)

    @property
    def type(self) -> str:
        """What was deleted."""
        return "list" if self.task_id is None else "task"

    @classmethod
    def of(cls, obj: TaskList | Task, *, title: str, at: datetime, expires_at: datetime) -> "TrashEntry":
        """Make the entry of a list or a task."""
        task = obj if isinstance(obj, Task) else None
        parent = obj.list if isinstance(obj, Task) else obj
        return cls(id=obj.id, list=parent, task=task, title=title, deleted_at=at, expires_at=expires_at)
