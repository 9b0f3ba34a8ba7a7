"""Objects as clients see them, and their entity tags. Plain functions: serializers cost more than the query."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.webapi import etags
from libs.webapi.prepared import rfc3339
from todo_svc.todos.models import Activity, Comment, Label, Share, Task, TaskList, TrashEntry
from todo_svc.todos.roles import WIRE, Grant, Role

Json = dict[str, Any]


def list_out(obj: TaskList) -> Json:
    """Show a list."""
    return {
        "id": str(obj.id),
        "version": obj.version,
        "name": obj.name,
        "color": obj.color,
        "rank": obj.rank,
        "archived": obj.archived,
        "is_inbox": obj.is_inbox,
        "my_role": Role(obj.my_role).wire,
        "counts": {"open": obj.open_count, "done": obj.done_count},
        "created_at": _time(obj.created_at),
        "updated_at": _time(obj.updated_at),
    }


#: The columns of a task that are shown, in the order of `task_row`.
TASK_COLUMNS = (
    *("id", "version", "list_id", "parent_id", "title", "notes", "status", "priority", "due", "rank", "labels"),
    *("assignees", "completed_at", "completed_by", "created_at", "created_by", "updated_at"),
)


def task_out(task: Task) -> Json:
    """Show a task."""
    return task_row([_plain(getattr(task, name)) for name in TASK_COLUMNS], task.grant)


def task_row(row: Sequence[Any], grant: Grant) -> Json:
    """Show a task of which only the TASK_COLUMNS were read, as JSON values."""
    task_id, version, list_id, parent_id, title, notes, status, priority, due, rank, labels, assignees, *rest = row
    completed_at, completed_by, created_at, created_by, updated_at = rest
    return {
        "id": task_id,
        "version": version,
        "list_id": list_id,
        "parent_id": parent_id,
        "title": title,
        "notes": notes,
        "status": status,
        "priority": priority,
        "due": due,
        "recurrence": None,
        "rank": rank,
        "labels": labels,
        "assignees": assignees,
        "completed_at": completed_at,
        "completed_by": completed_by,
        "occurrence_of": None,
        "created_at": created_at,
        "created_by": created_by,
        "updated_at": updated_at,
        "my_role": WIRE[grant.role],
    }


def comment_out(comment: Comment) -> Json:
    """Show a comment."""
    return {
        "id": str(comment.id),
        "version": comment.version,
        "body": comment.body,
        "author": _text(comment.author_id),
        "created_at": _time(comment.created_at),
        "updated_at": _time(comment.updated_at),
    }


def label_out(label: Label) -> Json:
    """Show a label."""
    return {"id": str(label.id), "version": label.version, "name": label.name, "color": label.color}


def share_out(share: Share) -> Json:
    """Show a share; a member of whom Auth has not told yet has neither address nor name."""
    person = share.user
    return {
        "id": str(share.id),
        "version": share.version,
        "user_id": _text(share.user_id),
        "email": (person.email if person else share.email) or None,
        "display_name": (person.display_name if person else "") or None,
        "role": Role(share.role).wire,
        "status": "active" if share.is_active else "invited",
        "created_at": _time(share.created_at),
    }


def activity_out(row: Activity) -> Json:
    """Show one change."""
    return {
        "id": str(row.id),
        "at": _time(row.at),
        "actor": {"id": _text(row.actor_id), "display_name": row.actor.display_name if row.actor else None},
        "action": row.action,
        "task_id": _text(row.task_id),
        "changes": row.changes,
    }


def trash_out(entry: TrashEntry) -> Json:
    """Show what can be restored."""
    return {
        "id": str(entry.id),
        "type": entry.type,
        "title": entry.title,
        "deleted_at": _time(entry.deleted_at),
        "expires_at": _time(entry.expires_at),
    }


def list_etag(obj: TaskList) -> str:
    """Give the tag of a list; its counts are part of what is shown, and change without its version."""
    return etags.make(obj.version, Role(obj.my_role).wire, f"{obj.open_count}.{obj.done_count}")


def task_etag(task: Task) -> str:
    """Give the tag of a task for somebody with the reader's role."""
    return etags.make(task.version, Role(task.grant.role).wire)


def share_etag(share: Share) -> str:
    """Give the tag of a share; name and address of the member are shown, and change without its version."""
    return etags.make(share.version, str(share.user.applied_sequence if share.user else 0))


def etag(obj: Comment | Label) -> str:
    """Give the tag of an object that all see alike."""
    return etags.make(obj.version)


def _time(value: datetime | None) -> str | None:
    return rfc3339(value) if value else None


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value) if isinstance(value, UUID) else value
