"""Reading lists."""

from typing import Any
from uuid import UUID

from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from libs.contracts.errors import NotFound
from libs.webapi.prepared import Slot, prepared
from todo_svc.todos.models import Activity, Share, Task, TaskList


def lists_visible(user: UUID) -> QuerySet[TaskList]:
    """Give the lists that the user is a member of, each with `my_role` and its counts."""
    counts = {"open_count": _count(Task.Status.OPEN), "done_count": _count(Task.Status.DONE)}
    return _mine(user).annotate(**counts)


def list_get(user: UUID, list_id: UUID, *, lock: bool = False) -> TaskList:
    """Give one list, with `lock` for the rest of the transaction; NotFound where the user may not see it."""
    return _one(lists_visible(user), list_id, lock=lock)


def list_lock(user: UUID, list_id: UUID) -> TaskList:
    """Lock one list for the rest of the transaction and give it with `my_role`, without counting its tasks."""
    return _one(_mine(user), list_id, lock=True)


def list_role(user: UUID, list_id: UUID, *, lock: bool = False) -> int:
    """Give the user's role on a list, with `lock` locked for the rest of the transaction; NotFound without one."""
    for (role,) in _roles(list_id, user, lock=lock):
        if role is not None:
            return int(role)
    raise NotFound


@prepared
def _roles(list_id: Slot, user: Slot, *, lock: bool) -> QuerySet[Any]:
    lists = TaskList.objects.filter(pk=list_id, deleted_at=None)
    role = Share.objects.filter(list=OuterRef("pk"), user_id=user).values("role")
    return (lists.select_for_update(no_key=True) if lock else lists).values_list(Subquery(role))


def list_activity(list_id: UUID) -> QuerySet[Activity]:
    """Give what happened to a list and to its tasks, with the actors."""
    return Activity.objects.filter(list_id=list_id).select_related("actor")


def _mine(user: UUID) -> QuerySet[TaskList]:
    role = {"my_role": F("shares__role")}
    return TaskList.objects.filter(deleted_at=None, shares__user_id=user).annotate(**role)


def _one(lists: QuerySet[TaskList], list_id: UUID, *, lock: bool) -> TaskList:
    if lock:
        lists = lists.select_for_update(of=("self",), no_key=True)
    found = lists.filter(pk=list_id).first()
    if found is None:
        raise NotFound
    return found


def _count(status: Task.Status) -> Coalesce:
    """Count the tasks of a status in a subquery, so that a page of lists stays one query."""
    tasks = Task.objects.filter(list=OuterRef("pk"), status=status, deleted_at=None)
    counted = tasks.order_by().values("list").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
