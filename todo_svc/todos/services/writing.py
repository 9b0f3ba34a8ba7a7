"""What all writing shares: the preconditions, the comparison of values, ids that clients choose, history and events."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, models, transaction

from libs.contracts.event import Changes, Event
from libs.contracts.todo import ListEvent, TaskEvent
from libs.eventbus import publish
from libs.webapi import prepared
from todo_svc.todos.errors import IdTaken
from todo_svc.todos.models import Activity, Task, TaskList, Versioned

log = structlog.get_logger(__name__)

#: Checks a locked object before it is changed (If-Match), or raises.
Guard = Callable[[Any], None]


def unguarded(obj: models.Model) -> None:
    """Check nothing: the caller has no precondition."""


def insert(obj: models.Model, *, chosen: bool = True) -> None:
    """Save a new object; IdTaken where there is one of its id, which a client has `chosen`, whoever owns that."""
    if isinstance(obj, Versioned):
        obj.updated_at = obj.created_at
    if not chosen:
        prepared.insert(obj)
        return
    try:
        with transaction.atomic():
            prepared.insert(obj)
    except IntegrityError:
        if type(obj)._default_manager.filter(pk=obj.pk).exists():  # noqa: SLF001  (Django's public name)
            raise IdTaken from None
        raise


def applied(obj: models.Model, values: Mapping[str, Any]) -> Changes:
    """Set the values that differ, and tell each change; the caller saves."""
    changes: Changes = {}
    for name, value in values.items():
        old = getattr(obj, name)
        if old != value:
            changes[name] = {"from": plain(old), "to": plain(value)}
            setattr(obj, name, value)
    return changes


def created(values: Mapping[str, Any]) -> Changes:
    """Tell the values of a new object as changes from nothing."""
    return {name: {"from": None, "to": plain(value)} for name, value in values.items() if name != "id"}


def plain(value: Any) -> Any:
    """Give a value as JSON."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value


def announce(event: Event, actor: UUID | None) -> None:
    """Publish an event in the transaction, and log it once that is committed."""
    publish(event, actor_id=str(actor or ""))
    fields = {"aggregate_id": event.aggregate_id, "actor_id": str(actor or "")}
    transaction.on_commit(partial(log.info, action_of(type(event)), **fields))


def record(
    *, action: str, list_id: UUID, actor: UUID | None, changes: Changes | None = None, task_id: UUID | None = None
) -> None:
    """Write a row of the history."""
    prepared.insert(Activity(list_id=list_id, task_id=task_id, actor_id=actor, action=action, changes=changes or {}))


def list_happened(
    obj: TaskList,
    kind: type[ListEvent],
    *,
    actor: UUID | None,
    changes: Changes | None = None,
    action: str = "",
    **data: Any,
) -> None:
    """Record and publish what happened to a list; `data` are the event's further fields."""
    changes = changes or {}
    record(action=action or action_of(kind), list_id=obj.id, actor=actor, changes=changes)
    announce(kind(list_id=str(obj.id), version=obj.version, changes=changes, **data), actor)


def task_happened(task: Task, kind: type[TaskEvent], *, actor: UUID | None, changes: Changes | None = None) -> None:
    """Record and publish what happened to a task."""
    changes = changes or {}
    record(action=action_of(kind), list_id=task.list_id, task_id=task.id, actor=actor, changes=changes)
    event = kind(task_id=str(task.id), list_id=str(task.list_id), version=task.version, changes=changes)
    announce(event, actor)


def action_of(kind: type[Event]) -> str:
    """Name an event in the history: its type without the service."""
    return kind.type.removeprefix("todo.")
