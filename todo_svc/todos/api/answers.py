"""What clients get, described for OpenAPI; `render` makes it."""

from functools import cache
from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from todo_svc.todos.api.fields import DueField, NotYet
from todo_svc.todos.models import Task
from todo_svc.todos.roles import ROLE_NAMES

Fields = serializers.Serializer[Any]


class VersionedAnswer(Fields):
    """What all objects have."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CountsAnswer(Fields):
    """How many tasks a list holds."""

    open = serializers.IntegerField()
    done = serializers.IntegerField()


class ListAnswer(VersionedAnswer):
    """A list."""

    name = serializers.CharField()
    color = serializers.CharField(allow_null=True)
    rank = serializers.CharField()
    archived = serializers.BooleanField()
    is_inbox = serializers.BooleanField()
    my_role = serializers.ChoiceField(choices=ROLE_NAMES)
    counts = CountsAnswer()


class TaskAnswer(VersionedAnswer):
    """A task."""

    list_id = serializers.UUIDField()
    parent_id = serializers.UUIDField(allow_null=True)
    title = serializers.CharField()
    notes = serializers.CharField()
    status = serializers.ChoiceField(choices=Task.Status.choices)
    priority = serializers.IntegerField()
    due = DueField(allow_null=True)
    recurrence = NotYet(allow_null=True)
    rank = serializers.CharField()
    labels = serializers.ListField(child=serializers.CharField())
    assignees = serializers.ListField(child=serializers.UUIDField())
    completed_at = serializers.DateTimeField(allow_null=True)
    completed_by = serializers.UUIDField(allow_null=True)
    occurrence_of = NotYet(allow_null=True)
    created_by = serializers.UUIDField(allow_null=True)
    my_role = serializers.ChoiceField(choices=ROLE_NAMES)


class CompletedAnswer(Fields):
    """A completed task."""

    task = TaskAnswer()
    next = NotYet(allow_null=True)


class CommentAnswer(VersionedAnswer):
    """A comment."""

    body = serializers.CharField()
    author = serializers.UUIDField(allow_null=True)


class LabelAnswer(Fields):
    """A label."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    name = serializers.CharField()
    color = serializers.CharField(allow_null=True)


class ShareAnswer(Fields):
    """A member, or somebody invited."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    user_id = serializers.UUIDField(allow_null=True)
    email = serializers.EmailField(allow_null=True)
    display_name = serializers.CharField(allow_null=True)
    role = serializers.ChoiceField(choices=ROLE_NAMES)
    status = serializers.ChoiceField(choices=["active", "invited"])
    created_at = serializers.DateTimeField()


class ActorAnswer(Fields):
    """Who did it; without id where the account is erased or it was the system."""

    id = serializers.UUIDField(allow_null=True)
    display_name = serializers.CharField(allow_null=True)


class ActivityAnswer(Fields):
    """One change."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    actor = ActorAnswer()
    action = serializers.CharField()
    task_id = serializers.UUIDField(allow_null=True)
    changes = serializers.DictField(help_text="{field: {from, to}}")


class TrashAnswer(Fields):
    """A deleted list or task."""

    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=["list", "task"])
    title = serializers.CharField()
    deleted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


@cache
def page_of(answer: type[Fields]) -> Any:
    """Describe a page of answers."""
    name = answer.__name__.removesuffix("Answer")
    return inline_serializer(
        f"{name}Page",
        {"items": answer(many=True), "next_cursor": serializers.CharField(allow_null=True)},
    )
