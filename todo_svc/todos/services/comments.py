"""Writing comments: authors edit their own, owners of the list may delete any."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from libs.contracts.todo import CommentCreated, CommentDeleted, CommentEvent
from todo_svc.todos.errors import RoleTooLow
from todo_svc.todos.models import Comment, Task
from todo_svc.todos.roles import can, require
from todo_svc.todos.selectors.tasks import comment_get, task_get
from todo_svc.todos.services.writing import Guard, action_of, announce, applied, insert, record, unguarded


@transaction.atomic
def comment_create(*, actor: UUID, task_id: UUID, values: Mapping[str, Any]) -> Comment:
    """Write a comment."""
    task = task_get(actor, task_id)
    require(task.grant, "comment.write")
    comment = Comment(**values, task=task, author_id=actor)
    insert(comment)
    _happened(comment, task, CommentCreated, actor)
    return comment


@transaction.atomic
def comment_update(
    *, actor: UUID, task_id: UUID, comment_id: UUID, values: Mapping[str, Any], guard: Guard = unguarded
) -> Comment:
    """Change the text of one's own comment."""
    task = task_get(actor, task_id)
    comment = comment_get(task, comment_id, lock=True)
    require(task.grant, "comment.write")
    if comment.author_id != actor:
        raise RoleTooLow("only the author can change a comment")
    guard(comment)
    changes = applied(comment, values)
    if changes:
        comment.touch()
        comment.save()
        record(action="comment.updated", list_id=task.list_id, task_id=task.id, actor=actor, changes=changes)
    return comment


@transaction.atomic
def comment_delete(*, actor: UUID, task_id: UUID, comment_id: UUID, guard: Guard = unguarded) -> None:
    """Delete one's own comment or, as an owner of the list, any."""
    task = task_get(actor, task_id)
    comment = comment_get(task, comment_id, lock=True)
    if comment.author_id != actor and not can(task.grant, "comment.moderate"):
        raise RoleTooLow("only the author or an owner of the list can delete a comment")
    guard(comment)
    _happened(comment, task, CommentDeleted, actor)
    comment.delete()


def _happened(comment: Comment, task: Task, kind: type[CommentEvent], actor: UUID) -> None:
    record(action=action_of(kind), list_id=task.list_id, task_id=task.id, actor=actor)
    announce(kind(comment_id=str(comment.id), task_id=str(task.id), list_id=str(task.list_id)), actor)
