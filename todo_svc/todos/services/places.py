"""Where tasks stand: list, parent and rank among siblings. Nothing here saves the task itself.

Whatever changes the shape of a list holds the list's lock, so that ranks are computed one after the other and no task
gets a parent that is just leaving. Locks are taken in one order: lists by id, then tasks.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Max, Min, QuerySet

from libs.contracts.errors import NotFound, ValidationFailed
from libs.contracts.event import Changes
from libs.webapi.prepared import Slot, prepared
from todo_svc.todos import ranks
from todo_svc.todos.errors import MovedMeanwhile
from todo_svc.todos.models import Task, TaskList, TrashEntry
from todo_svc.todos.roles import Grant, require
from todo_svc.todos.selectors.lists import list_role
from todo_svc.todos.selectors.tasks import task_get
from todo_svc.todos.services.writing import applied

#: How deep subtasks nest, the top level included.
MAX_DEPTH = 20


def lock(actor: UUID, task_id: UUID, *, target: UUID | None = None) -> Task:
    """Lock a task with its list, and the list it goes to; NotFound or RoleTooLow where `actor` may not use that."""
    list_id = Task.objects.filter(pk=task_id).values_list("list_id", flat=True).first()
    if list_id is None:
        raise NotFound
    lock_lists(list_id, target or list_id)
    task = task_get(actor, task_id, lock=True)
    if task.list_id != list_id:
        raise MovedMeanwhile(retry_after=1)
    if target is not None and target != list_id:
        require(task.grant, "task.move")
        require(Grant(list_role=list_role(actor, target)), "task.move")
    return task


def lock_lists(*list_ids: UUID) -> None:
    """Lock lists for the rest of the transaction."""
    lists = TaskList.objects.filter(pk__in=list_ids).order_by("pk").select_for_update(no_key=True)
    list(lists.values_list("pk"))


def placed(task: Task, to: Mapping[str, Any]) -> Changes:
    """Set list, parent and rank as `to` says (list_id, parent_id, after_id or before_id), and tell the changes."""
    list_id = to.get("list_id") or task.list_id
    sibling = _sibling(task, to, list_id)
    parent_id = _parent_id(task, to, list_id, sibling)
    if sibling is None and (list_id, parent_id) == (task.list_id, task.parent_id):
        return {}
    parent = parent_checked(parent_id, list_id=list_id, child=task)
    rank = _rank(siblings(list_id, parent).exclude(pk=task.pk), sibling, before="before_id" in to)
    return applied(task, {"list_id": list_id, "parent_id": parent_id, "rank": rank})


def parent_checked(parent_id: UUID | None, *, list_id: UUID, child: Task | None = None) -> Task | None:
    """Give the parent; ValidationFailed where it is in another list, below `child`, or too deep."""
    if parent_id is None:
        return None
    parent = Task.objects.filter(pk=parent_id, list_id=list_id, deleted_at=None).first()
    if parent is None:
        raise ValidationFailed.of("/parent_id", "unknown_parent", "there is no such task in this list")
    subtree = [child, *below(child)] if child else []
    if parent in subtree:
        raise ValidationFailed.of("/parent_id", "cycle", "a task cannot stand below itself")
    if _depth(parent) + (_height(child) if child else 1) > MAX_DEPTH:
        raise ValidationFailed.of("/parent_id", "too_deep", f"tasks nest at most {MAX_DEPTH} deep")
    return parent


def siblings(list_id: UUID, parent: Task | None) -> QuerySet[Task]:
    """Give the tasks side by side, those in the trash included: they keep their ranks."""
    return Task.objects.filter(list_id=list_id, parent=parent)


def last_rank(list_id: UUID, parent: Task | None) -> str:
    """Give the rank behind all siblings."""
    last = _highest_below(list_id, parent.id) if parent else _highest(list_id)
    return ranks.between(last[0][0] if last else None, None)


@prepared
def _highest(list_id: Slot) -> QuerySet[Any]:
    """Order and take one, where Max would read all: the index has them in this order."""
    return Task.objects.filter(list_id=list_id, parent=None).order_by("-rank").values_list("rank")[:1]


@prepared
def _highest_below(list_id: Slot, parent_id: Slot) -> QuerySet[Any]:
    return Task.objects.filter(list_id=list_id, parent_id=parent_id).order_by("-rank").values_list("rank")[:1]


def below(task: Task) -> list[Task]:
    """Give all tasks below a task, those in the trash included."""
    return [child for level in _levels(task) for child in level]


def below_moved(task: Task) -> list[Task]:
    """Set the list of all tasks below to the task's, and give those that are not in the trash, for the commit."""
    children = below(task)
    trashed = [child.pk for child in children if child.deleted_at]
    Task.objects.filter(pk__in=trashed).update(list_id=task.list_id)
    TrashEntry.objects.filter(task_id__in=trashed).update(list_id=task.list_id)
    for child in children:
        child.list_id = task.list_id
    return [child for child in children if not child.deleted_at]


def _sibling(task: Task, to: Mapping[str, Any], list_id: UUID) -> Task | None:
    name = "before_id" if "before_id" in to else "after_id"
    if to.get(name) is None:
        return None
    found = Task.objects.filter(pk=to[name], list_id=list_id, deleted_at=None).exclude(pk=task.pk).first()
    if found is None or ("parent_id" in to and found.parent_id != to["parent_id"]):
        raise ValidationFailed.of(f"/{name}", "unknown_sibling", "there is no such task at that place")
    return found


def _parent_id(task: Task, to: Mapping[str, Any], list_id: UUID, sibling: Task | None) -> UUID | None:
    if "parent_id" in to:
        parent_id: UUID | None = to["parent_id"]
        return parent_id
    if sibling is not None:
        return sibling.parent_id
    return task.parent_id if list_id == task.list_id else None


def _rank(others: QuerySet[Task], sibling: Task | None, *, before: bool) -> str:
    """Compute the rank next to `sibling`, or behind all. Equal ranks stay on the same side."""
    if sibling is None:
        return ranks.between(others.aggregate(rank=Max("rank"))["rank"], None)
    if before:
        low = others.filter(rank__lt=sibling.rank).aggregate(rank=Max("rank"))["rank"]
        return ranks.between(low, sibling.rank)
    high = others.filter(rank__gt=sibling.rank).aggregate(rank=Min("rank"))["rank"]
    return ranks.between(sibling.rank, high)


def _levels(task: Task) -> list[list[Task]]:
    levels = [[task]]
    while levels[-1]:
        levels.append(list(Task.objects.filter(parent__in=levels[-1]).select_for_update(no_key=True)))
    return levels[1:-1]


def _depth(task: Task) -> int:
    depth, parent_id = 1, task.parent_id
    while parent_id is not None:
        depth += 1
        parent_id = Task.objects.values_list("parent_id", flat=True).get(pk=parent_id)
    return depth


def _height(task: Task) -> int:
    return 1 + len(_levels(task))
