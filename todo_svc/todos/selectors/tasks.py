"""Reading tasks, their comments and their history."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Case, DateTimeField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Lower

from libs.contracts.errors import NotFound
from libs.webapi.prepared import Row, Slot, prepared
from todo_svc.todos import due
from todo_svc.todos.models import Activity, Comment, Share, Task
from todo_svc.todos.roles import Grant
from todo_svc.todos.selectors.lists import list_role

#: Sort name → column. Columns are never null, so that keyset pages can use them.
SORTS = {
    "rank": "rank",
    "due": "due_key",
    "priority": "priority",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "title": "title_key",
}

#: What a share says: the list or the task, and the role.
SHARED = ("list_id", "task_id", "role")


@dataclass(frozen=True, slots=True)
class Grants:
    """What one user may do with many tasks; ids are texts."""

    lists: Mapping[str, int]
    tasks: Mapping[str, int]

    def on(self, list_id: str, task_id: str) -> Grant:
        """Give the grant on one of the tasks."""
        return Grant(self.lists.get(list_id, 0), self.tasks.get(task_id, 0))


def task_get(user: UUID, task_id: UUID, *, lock: bool = False) -> Task:
    """Give one task with its grant, with `lock` for the rest of the transaction; NotFound where it is not visible."""
    tasks = Task.objects.filter(pk=task_id, deleted_at=None, list__deleted_at=None)
    if lock:
        tasks = tasks.select_for_update(of=("self",), no_key=True)
    task = tasks.first()
    if task is None:
        raise NotFound
    task.grant = grant_on(user, task)
    if not task.grant.role:
        raise NotFound
    return task


def grant_on(user: UUID, task: Task) -> Grant:
    """Give what the user may do with a task."""
    return _grants(_shares_of_task(user, task.list_id, task.id)).on(str(task.list_id), str(task.id))


def grants_in(user: UUID, list_id: UUID) -> Grants:
    """Give what the user may do with the tasks of a list; NotFound where the list is not visible."""
    role = list_role(user, list_id)
    return Grants({str(list_id): role}, _grants(_shares_below(user, list_id)).tasks)


def grants_of(user: UUID) -> Grants:
    """Give what the user may do with all tasks that are visible."""
    return _grants(_shares(user))


def tasks_in(list_id: UUID | Slot) -> QuerySet[Task]:
    """Give the tasks of a list."""
    return Task.objects.filter(list_id=list_id, deleted_at=None)


def tasks_visible(user: UUID | Slot) -> QuerySet[Task]:
    """Give the tasks of all lists the user is a member of and those shared singly."""
    shares = Share.objects.filter(user_id=user)
    mine = Q(list_id__in=shares.exclude(list=None).values("list_id"))
    mine |= Q(id__in=shares.exclude(task=None).values("task_id"))
    return Task.objects.filter(mine, deleted_at=None, list__deleted_at=None)


@prepared
def _shares(user: Slot) -> QuerySet[Any]:
    return Share.objects.filter(user_id=user).values_list(*SHARED)


@prepared
def _shares_below(user: Slot, list_id: Slot) -> QuerySet[Any]:
    return Share.objects.filter(task__list_id=list_id, user_id=user).values_list(*SHARED)


@prepared
def _shares_of_task(user: Slot, list_id: Slot, task_id: Slot) -> QuerySet[Any]:
    return Share.objects.filter(Q(list_id=list_id) | Q(task_id=task_id), user_id=user).values_list(*SHARED)


def _grants(shares: Iterable[Row]) -> Grants:
    roles: tuple[dict[str, int], dict[str, int]] = {}, {}
    for list_id, task_id, role in shares:
        roles[task_id is not None][task_id or list_id] = role
    return Grants(*roles)


# -- filters and sorting -------------------------------------------------------------------------------------------


def _after(value: date | datetime) -> Q:
    return Q(due_at__gt=value if isinstance(value, datetime) else due.end_of(value))


def _before(value: date | datetime) -> Q:
    return Q(due_at__lt=value if isinstance(value, datetime) else due.start_of(value))


def _contains(text: str) -> Q:
    """Look for text whatever its case. SQLite's LIKE knows that of ASCII only, its regular expressions are Python's."""
    lookup, wanted = ("icontains", text) if text.isascii() else ("iregex", re.escape(text))
    return Q(**{f"title__{lookup}": wanted}) | Q(**{f"notes__{lookup}": wanted})


FILTERS: dict[str, Callable[[Any], Q]] = {
    "status": lambda value: Q(status=value),
    "list_id": lambda value: Q(list_id=value),
    "label": lambda value: Q(label_rows__name=value),
    "priority": lambda value: Q(priority=value),
    "assignee": lambda value: Q(assignee_rows__user_id=value),
    "due_before": _before,
    "due_after": _after,
    "updated_after": lambda value: Q(updated_at__gt=value),
    "q": _contains,
}


def tasks_filtered(tasks: QuerySet[Task], params: Mapping[str, Any]) -> QuerySet[Task]:
    """Keep the tasks that pass each filter in `params`."""
    for name in FILTERS.keys() & params.keys():
        tasks = tasks.filter(FILTERS[name](params[name]))
    return tasks


def sort_keys(sort: str) -> tuple[str, ...]:
    """Name the columns that `tasks_sortable` gives to sort by; tasks without due come last either way."""
    sign = "-" if sort.startswith("-") else ""
    column = SORTS[sort.removeprefix("-")]
    first = ("undated",) if column == "due_key" else ()
    return *first, f"{sign}{column}", f"{sign}id"


def tasks_sortable(tasks: QuerySet[Task], sort: str) -> QuerySet[Task]:
    """Give the tasks with the columns of `sort_keys`."""
    column = SORTS[sort.removeprefix("-")]
    if column == "due_key":
        never = Value(due.start_of(date.max), output_field=DateTimeField())
        undated = Case(When(due_at=None, then=True), default=False, output_field=BooleanField())
        return tasks.annotate(due_key=Coalesce("due_at", never), undated=undated)
    return tasks.annotate(title_key=Lower("title")) if column == "title_key" else tasks


# -- below a task --------------------------------------------------------------------------------------------------


def task_comments(task: Task) -> QuerySet[Comment]:
    """Give the comments of a task."""
    return Comment.objects.filter(task=task)


def comment_get(task: Task, comment_id: UUID, *, lock: bool = False) -> Comment:
    """Give one comment of a task, with `lock` for the rest of the transaction."""
    comments = task_comments(task)
    if lock:
        comments = comments.select_for_update(no_key=True)
    found = comments.filter(pk=comment_id).first()
    if found is None:
        raise NotFound
    return found


def task_activity(task: Task) -> QuerySet[Activity]:
    """Give what happened to a task, with the actors."""
    return Activity.objects.filter(task=task).select_related("actor")
