"""Writing lists. Whoever makes one owns it; the Inbox is made when Auth tells of a new user."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from libs.contracts.todo import ListCreated, ListUpdated
from todo_svc.todos import ranks
from todo_svc.todos.errors import InboxIsFixed
from todo_svc.todos.models import Share, TaskList
from todo_svc.todos.roles import Action, Role, require
from todo_svc.todos.selectors.lists import list_get
from todo_svc.todos.services.writing import Guard, applied, created, insert, list_happened, unguarded

INBOX = "Inbox"


@transaction.atomic
def list_create(*, actor: UUID, values: Mapping[str, Any]) -> TaskList:
    """Make a list that `actor` owns."""
    obj = TaskList(**values, rank=_last_rank(actor))
    insert(obj)
    Share.objects.create(list=obj, user_id=actor, role=Role.OWNER)
    list_happened(obj, ListCreated, actor=actor, changes=created(values))
    return list_get(actor, obj.id)


@transaction.atomic
def list_update(*, actor: UUID, list_id: UUID, values: Mapping[str, Any], guard: Guard = unguarded) -> TaskList:
    """Change the name or the colour."""
    return _changed(actor, list_id, "list.edit", values, guard)


@transaction.atomic
def list_archive(*, actor: UUID, list_id: UUID, archived: bool, guard: Guard = unguarded) -> TaskList:
    """Put a list into the archive, or take it out."""
    return _changed(actor, list_id, "list.archive", {"archived": archived}, guard)


def inbox_ensure(*, user: UUID) -> None:
    """Make the user's Inbox where there is none; the constraint on `inbox_of` decides."""
    if TaskList.objects.filter(inbox_of=user).exists():
        return
    obj = TaskList(name=INBOX, inbox_of=user, rank=_last_rank(user))
    try:
        with transaction.atomic():
            obj.save(force_insert=True)
    except IntegrityError:
        return
    Share.objects.create(list=obj, user_id=user, role=Role.OWNER)
    list_happened(obj, ListCreated, actor=user, changes=created({"name": INBOX, "is_inbox": True}))


def _changed(actor: UUID, list_id: UUID, action: Action, values: Mapping[str, Any], guard: Guard) -> TaskList:
    obj = list_get(actor, list_id, lock=True)
    require(obj.grant, action)
    guard(obj)
    if obj.is_inbox and values.get("archived"):
        raise InboxIsFixed
    changes = applied(obj, values)
    if changes:
        obj.touch()
        obj.save()
        list_happened(obj, ListUpdated, actor=actor, changes=changes)
    return obj


def _last_rank(user: UUID) -> str:
    last = TaskList.objects.filter(shares__user_id=user).aggregate(last=Max("rank"))["last"]
    return ranks.between(last, None)
