"""Bodies and query parameters: what clients may send."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from libs.webapi.serializers import Query, Strict
from todo_svc.todos.api.fields import (
    COLOR,
    MAX_TEXT_BYTES,
    SORT_CHOICES,
    DateOrInstant,
    DueField,
    Email,
    Id,
    Instant,
    Names,
    NotYet,
    Text,
    Whole,
)
from todo_svc.todos.models import Task
from todo_svc.todos.roles import ROLE_NAMES, Role

MAX_NAMES = 100


class Color(serializers.RegexField):
    """A colour: `#rrggbb` or a name."""

    def __init__(self, **kwargs: Any) -> None:
        """Take DRF's options."""
        super().__init__(COLOR, max_length=32, **kwargs)


class RoleField(serializers.ChoiceField):
    """A role by its name on the wire."""

    def __init__(self, **kwargs: Any) -> None:
        """Take DRF's options."""
        super().__init__(choices=ROLE_NAMES, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """Give the role."""
        if not isinstance(data, str):
            self.fail("invalid_choice", input=type(data).__name__)
        return Role.of(super().to_internal_value(data))

    def to_representation(self, value: Any) -> str:
        """Give the name."""
        return Role(value).wire


class ListPatch(Strict):
    """What of a list can be changed."""

    name = Text(min_length=1, max_length=200)
    color = Color(required=False, allow_null=True)


class ListBody(ListPatch):
    """A new list."""

    id = Id(required=False)


class TaskPatch(Strict):
    """What of a task can be changed."""

    list_id = Id(required=False)
    parent_id = Id(required=False, allow_null=True)
    title = Text(min_length=1, max_length=500)
    notes = Text(required=False, allow_blank=True, allow_null=True, trim_whitespace=False, max_bytes=MAX_TEXT_BYTES)
    status = serializers.ChoiceField(choices=Task.Status.choices, required=False)
    priority = Whole(required=False, allow_null=True, min_value=0, max_value=4)
    due = DueField(required=False, allow_null=True)
    recurrence = NotYet(required=False, allow_null=True)
    labels = Names(child=Text(min_length=1, max_length=100), required=False, allow_null=True, max_length=MAX_NAMES)
    assignees = Names(child=Id(), required=False, allow_null=True, max_length=MAX_NAMES)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take null for the value of a task that never had one (RFC 7396)."""
        attrs.pop("recurrence", None)
        empty: Mapping[str, Any] = {"notes": "", "priority": 0}
        return {name: empty.get(name) if value is None else value for name, value in attrs.items()}


class TaskBody(TaskPatch):
    """A new task; `list_id` is that of the address."""

    id = Id(required=False)

    def validate_list_id(self, value: Any) -> Any:
        """Refuse another list than that of the address."""
        if value != self.context.get("list_id", value):
            raise serializers.ValidationError("another list than that of the address", code="other_list")
        return value


class MoveBody(Strict):
    """Where a task goes; what is left out stays, and `parent_id: null` is the top level."""

    list_id = Id(required=False)
    parent_id = Id(required=False, allow_null=True)
    after_id = Id(required=False)
    before_id = Id(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse two neighbours."""
        if {"after_id", "before_id"} <= attrs.keys():
            raise serializers.ValidationError({"before_id": "either after_id or before_id"}, code="both_neighbours")
        return attrs


class CommentPatch(Strict):
    """What of a comment can be changed."""

    body = Text(min_length=1, trim_whitespace=False, max_bytes=MAX_TEXT_BYTES)

    def validate_body(self, value: str) -> str:
        """Refuse a text of white space only."""
        if not value.strip():
            raise serializers.ValidationError("This field may not be blank.", code="blank")
        return value


class CommentBody(CommentPatch):
    """A new comment."""

    id = Id(required=False)


class LabelPatch(Strict):
    """What of a label can be changed."""

    name = Text(min_length=1, max_length=100)
    color = Color(required=False, allow_null=True)


class LabelBody(LabelPatch):
    """A new label."""

    id = Id(required=False)


class SharePatch(Strict):
    """What of a share can be changed."""

    role = RoleField()


class ShareBody(SharePatch):
    """A new member, by address or by user id."""

    id = Id(required=False)
    email = Email(required=False, max_length=254)
    user_id = Id(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Demand one of the two."""
        if ("email" in attrs) == ("user_id" in attrs):
            raise serializers.ValidationError({"email": "either email or user_id"}, code="one_of_two")
        return attrs


class ListParams(Query):
    """Which lists."""

    archived = serializers.BooleanField(required=False)


class TaskParams(Query):
    """Which tasks, in which order. Days in `due_before` and `due_after` begin and end in UTC."""

    status = serializers.ChoiceField(choices=Task.Status.choices, required=False)
    list_id = Id(required=False)
    label = serializers.CharField(required=False, max_length=100, help_text="Has this label.")  # type: ignore[assignment]  # DRF collects it
    priority = serializers.IntegerField(required=False, min_value=0, max_value=4)
    assignee = Id(required=False)
    due_before = DateOrInstant(required=False, help_text="Due before this day or instant.")
    due_after = DateOrInstant(required=False, help_text="Due after this day or instant.")
    updated_after = Instant(required=False, help_text="Changed after this instant.")
    q = serializers.CharField(required=False, max_length=200, help_text="Title or notes contain this.")
    sort = serializers.ChoiceField(choices=SORT_CHOICES, required=False)
