"""The trash: a deleted list or task is kept for 30 days, then erased; until then it can be restored."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from libs.contracts.event import Changes
from libs.contracts.todo import ListDeleted, ListUpdated, TaskDeleted, TaskRestored
from todo_svc.todos.errors import InboxIsFixed, ListInTrash
from todo_svc.todos.models import Task, TaskList, TrashEntry
from todo_svc.todos.roles import require
from todo_svc.todos.selectors.lists import list_get
from todo_svc.todos.selectors.tasks import grant_on
from todo_svc.todos.selectors.trash import trash_expired, trash_get
from todo_svc.todos.services import places
from todo_svc.todos.services.tasks import assignees_keep_members
from todo_svc.todos.services.writing import (
    Guard,
    announce,
    list_happened,
    plain,
    record,
    task_happened,
    unguarded,
)

KEPT = timedelta(days=30)
ERASED: Changes = {"erased": {"from": False, "to": True}}


@transaction.atomic
def list_delete(*, actor: UUID, list_id: UUID, guard: Guard = unguarded) -> None:
    """Put a list with all its tasks into the trash."""
    obj = list_get(actor, list_id, lock=True)
    require(obj.grant, "list.delete")
    guard(obj)
    if obj.is_inbox:
        raise InboxIsFixed
    obj.touch()
    obj.deleted_at = timezone.now()
    obj.save()
    _enter(obj, obj.name, obj.deleted_at)
    list_happened(obj, ListDeleted, actor=actor)


@transaction.atomic
def task_delete(*, actor: UUID, task_id: UUID, guard: Guard = unguarded) -> None:
    """Put a task with all below it into the trash."""
    task = places.lock(actor, task_id)
    require(task.grant, "task.delete")
    guard(task)
    now = timezone.now()
    for each in [task, *(child for child in places.below(task) if child.deleted_at is None)]:
        each.deleted_at, each.deleted_with = now, task.id
        each.touch()
        each.save()
        task_happened(each, TaskDeleted, actor=actor)
    _enter(task, task.title, now)


@transaction.atomic
def trash_restore(*, actor: UUID, entry_id: UUID, with_lists: bool = True) -> TaskList | Task:
    """Bring a list or a task back, with what went with it."""
    entry = trash_get(actor, entry_id, with_lists=with_lists)
    places.lock_lists(entry.list_id)
    entry = trash_get(actor, entry_id, with_lists=with_lists, lock=True)
    entry.delete()
    if entry.task_id is None:
        return _restore_list(actor, entry.list_id)
    return _restore_task(actor, entry.list_id, entry.task_id)


@transaction.atomic
def trash_erase(*, actor: UUID, entry_id: UUID, with_lists: bool = True) -> None:
    """Erase a list or a task for good, before its time."""
    erase(trash_get(actor, entry_id, with_lists=with_lists, lock=True), actor=actor)


def trash_purge(*, before: datetime) -> int:
    """Erase what expired before a moment, each entry in a transaction of its own; give the number of entries."""
    erased = 0
    for entry_id in list(trash_expired(before).values_list("pk", flat=True)):
        with transaction.atomic():
            entry = trash_expired(before).select_for_update().filter(pk=entry_id).first()
            if entry is not None:
                erase(entry, actor=None)
                erased += 1
    return erased


def erase(entry: TrashEntry, *, actor: UUID | None) -> None:
    """Erase what an entry stands for."""
    if entry.task_id is None:
        list_erase(entry.list, actor=actor)
    else:
        _task_erase(Task.objects.get(pk=entry.task_id), actor=actor)


def list_erase(obj: TaskList, *, actor: UUID | None) -> None:
    """Erase a list with all that belongs to it; nobody adds anything to it meanwhile."""
    TaskList.objects.select_for_update().get(pk=obj.pk)
    obj.touch()
    announce(ListDeleted(list_id=str(obj.id), version=obj.version, changes=ERASED), actor)
    obj.delete()


def _task_erase(task: Task, *, actor: UUID | None) -> None:
    for each in [task, *places.below(task)]:
        version = each.version + 1
        event = TaskDeleted(task_id=str(each.id), list_id=str(each.list_id), version=version, changes=ERASED)
        announce(event, actor)
    changes: Changes = {"title": {"from": task.title, "to": None}}
    record(action="task.erased", list_id=task.list_id, actor=actor, changes=changes)
    task.delete()


def _restore_list(actor: UUID, list_id: UUID) -> TaskList:
    obj = TaskList.objects.get(pk=list_id)
    changes: Changes = {"deleted_at": {"from": plain(obj.deleted_at), "to": None}}
    obj.deleted_at = None
    obj.touch()
    obj.save()
    list_happened(obj, ListUpdated, actor=actor, changes=changes, action="list.restored")
    return list_get(actor, list_id)


def _restore_task(actor: UUID, list_id: UUID, task_id: UUID) -> Task:
    """Bring back all that went with the task; below a parent that is in the trash, it comes to the top level."""
    if TaskList.objects.filter(pk=list_id).exclude(deleted_at=None).exists():
        raise ListInTrash
    went = Task.objects.filter(deleted_with=task_id).select_for_update(of=("self",), no_key=True)
    tasks = {task.id: task for task in went.select_related("parent").order_by("pk")}
    top = tasks[task_id]
    if top.parent is not None and top.parent.deleted_at is not None:
        top.parent = None
        top.rank = places.last_rank(list_id, None)
    for task in tasks.values():
        task.deleted_at = task.deleted_with = None
        changes = assignees_keep_members(task)
        task.touch()
        task.save()
        task.assignee_rows.exclude(user_id__in=task.assignees).delete()
        task_happened(task, TaskRestored, actor=actor, changes=changes)
    top.grant = grant_on(actor, top)
    return top


def _enter(obj: TaskList | Task, title: str, now: datetime) -> None:
    TrashEntry.of(obj, title=title, at=now, expires_at=now + KEPT).save(force_insert=True)
