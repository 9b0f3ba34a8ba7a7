"""Writing tasks: making, editing, completing. Where a task stands is in `places`, its end in `trash`."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from libs.contracts.errors import FieldError, ValidationFailed
from libs.contracts.event import Changes
from libs.contracts.todo import TaskCompleted, TaskCreated, TaskEvent, TaskMoved, TaskReopened, TaskUpdated
from todo_svc.todos import due
from todo_svc.todos.models import Label, Task, TaskAssignee, TaskLabel
from todo_svc.todos.roles import Grant, require
from todo_svc.todos.selectors.lists import list_role
from todo_svc.todos.selectors.shares import strangers
from todo_svc.todos.selectors.tasks import grant_on, task_get
from todo_svc.todos.services import places
from todo_svc.todos.services.writing import Guard, applied, created, insert, task_happened, unguarded

PLACE = frozenset({"list_id", "parent_id"})
MOVED = PLACE | {"rank"}


def task_create(*, actor: UUID, list_id: UUID, values: Mapping[str, Any]) -> Task:
    """Make a task at the end of a list, or of its parent's subtasks.

    What needs no lock is done before: SQLite has one for all writers.
    """
    task = Task(**{**values, "list_id": list_id}, created_by=actor)
    task.due_at = due.instant(task.due)
    _set_completion(task, actor)
    changes = created(values)
    with transaction.atomic():
        task.grant = Grant(list_role=list_role(actor, list_id, lock=True))
        require(task.grant, "task.create")
        parent = places.parent_checked(values.get("parent_id"), list_id=list_id)
        _check_assignees(values.get("assignees", ()), list_id=list_id)
        task.rank = places.last_rank(list_id, parent)
        task.created_at = timezone.now()  # in the order of the commits, as far as the lock goes
        insert(task, chosen="id" in values)
        _index(task, values.keys(), actor)
        task_happened(task, TaskCreated, actor=actor, changes=changes)
    return task


@transaction.atomic
def task_update(*, actor: UUID, task_id: UUID, values: Mapping[str, Any], guard: Guard = unguarded) -> Task:
    """Change fields; another list or parent moves the task to the end there."""
    place = {name: values[name] for name in values.keys() & PLACE}
    rest = {name: values[name] for name in values.keys() - PLACE}
    task = places.lock(actor, task_id, target=place.get("list_id")) if place else task_get(actor, task_id, lock=True)
    require(task.grant, "task.edit")
    guard(task)
    changes = _place(task, actor, place)
    changes |= _edit(task, actor, rest)
    return task_commit(task, actor=actor, changes=changes)


@transaction.atomic
def task_complete(*, actor: UUID, task_id: UUID, guard: Guard = unguarded) -> Task:
    """Set a task done; one that is done stays as it is."""
    return _set_status(actor, task_id, Task.Status.DONE, guard)


@transaction.atomic
def task_reopen(*, actor: UUID, task_id: UUID, guard: Guard = unguarded) -> Task:
    """Set a task open; one that is open stays as it is."""
    return _set_status(actor, task_id, Task.Status.OPEN, guard)


@transaction.atomic
def task_move(*, actor: UUID, task_id: UUID, to: Mapping[str, Any], guard: Guard = unguarded) -> Task:
    """Give a task another list, parent or place among its siblings; its subtasks go with it."""
    task = places.lock(actor, task_id, target=to.get("list_id"))
    require(task.grant, "task.move")
    guard(task)
    return task_commit(task, actor=actor, changes=_place(task, actor, to))


def task_commit(task: Task, *, actor: UUID | None, changes: Changes) -> Task:
    """Save a task that was changed under its lock, record and publish it; nothing where nothing changed."""
    if changes:
        task.touch()
        task.save()
        _index(task, changes.keys(), actor)
        for kind, part in _kinds(task, changes):
            task_happened(task, kind, actor=actor, changes=part)
    return task


def assignees_keep_members(task: Task) -> Changes:
    """Drop the assignees who may not see the task any more; the caller commits."""
    gone = strangers(task.assignees, list_id=task.list_id, task_id=task.id)
    return applied(task, {"assignees": [user for user in task.assignees if user not in gone]})


def _kinds(task: Task, changes: Changes) -> Iterable[tuple[type[TaskEvent], Changes]]:
    """Sort changes into events: one for a move, one for a completion, one for the rest."""
    ends = {Task.Status.DONE: TaskCompleted, Task.Status.OPEN: TaskReopened}.get(Task.Status(task.status), TaskUpdated)
    sorted_out: dict[type[TaskEvent], Changes] = {}
    for name, change in changes.items():
        kind = TaskMoved if name in MOVED else ends if name == "status" else TaskUpdated
        sorted_out.setdefault(kind, {})[name] = change
    return sorted_out.items()


def _set_status(actor: UUID, task_id: UUID, status: str, guard: Guard) -> Task:
    task = task_get(actor, task_id, lock=True)
    require(task.grant, "task.complete")
    guard(task)
    return task_commit(task, actor=actor, changes=_edit(task, actor, {"status": status}))


def _edit(task: Task, actor: UUID, values: dict[str, Any]) -> Changes:
    if "due" in values:
        values["due"] = due.patched(task.due, values["due"])
    if "assignees" in values:
        _check_assignees(values["assignees"], list_id=task.list_id, task=task)
    changes = applied(task, values)
    if "due" in changes:
        task.due_at = due.instant(task.due)
    if "status" in changes:
        _set_completion(task, actor)
    return changes


def _place(task: Task, actor: UUID, to: Mapping[str, Any]) -> Changes:
    if not to:
        return {}
    require(task.grant, "task.move")
    changes = places.placed(task, to)
    if "list_id" in changes:
        for child in places.below_moved(task):
            moved = {"list_id": changes["list_id"]} | assignees_keep_members(child)
            task_commit(child, actor=actor, changes=moved)
        changes |= assignees_keep_members(task)
        task.grant = grant_on(actor, task)
    return changes


def _set_completion(task: Task, actor: UUID) -> None:
    done = task.status == Task.Status.DONE
    task.completed_at = timezone.now() if done else None
    task.completed_by = actor if done else None


def _check_assignees(assignees: Iterable[str], *, list_id: UUID, task: Task | None = None) -> None:
    wanted = list(assignees)
    unknown = strangers(wanted, list_id=list_id, task_id=task.id if task else None)
    if unknown:
        found = [
            FieldError(f"/assignees/{index}", "not_a_member", "only members can be assigned")
            for index, user in enumerate(wanted)
            if user in unknown
        ]
        raise ValidationFailed("only members can be assigned", errors=found)


def _index(task: Task, names: Iterable[str], actor: UUID | None) -> None:
    """Write the rows by which tasks are found, and add new label names to the actor's catalogue."""
    if "labels" in names:
        task.label_rows.all().delete()
        TaskLabel.objects.bulk_create(TaskLabel(task=task, name=name) for name in task.labels)
        if actor:
            labels = [Label(owner_id=actor, name=name) for name in task.labels]
            Label.objects.bulk_create(labels, ignore_conflicts=True)
    if "assignees" in names:
        task.assignee_rows.all().delete()
        TaskAssignee.objects.bulk_create(TaskAssignee(task=task, user_id=user) for user in task.assignees)
