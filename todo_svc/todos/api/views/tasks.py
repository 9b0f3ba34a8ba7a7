"""Tasks."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from libs.webapi import pages
from libs.webapi.prepared import Row, Slot, prepared
from libs.webapi.serializers import Nothing, Query
from todo_svc.todos.api.answers import ActivityAnswer, CompletedAnswer, TaskAnswer, page_of
from todo_svc.todos.api.bodies import MoveBody, TaskBody, TaskParams, TaskPatch
from todo_svc.todos.api.render import TASK_COLUMNS, activity_out, task_etag, task_out, task_row
from todo_svc.todos.api.views.base import TASKS, TodoView, operation
from todo_svc.todos.models import Task
from todo_svc.todos.selectors.tasks import (
    Grants,
    grants_in,
    grants_of,
    sort_keys,
    task_activity,
    task_get,
    tasks_filtered,
    tasks_in,
    tasks_sortable,
    tasks_visible,
)
from todo_svc.todos.services.tasks import task_complete, task_create, task_move, task_reopen, task_update
from todo_svc.todos.services.trash import task_delete

#: Gives the tasks of a list, or those visible to a user.
Scope = Callable[[Any], QuerySet[Task]]


@prepared
def _first_page(of: Slot, *, scope: Scope, sort: str, limit: int) -> QuerySet[Any]:
    tasks = tasks_sortable(scope(of), sort)
    return pages.selected(tasks, columns=TASK_COLUMNS, keys=sort_keys(sort), limit=limit)


class TaskPages(TodoView):
    """The base of both collections."""

    access = TASKS
    Params = TaskParams

    def tasks_page(self, scope: Scope, of: UUID, grants: Grants, *, sort: str) -> Response:
        """Filter and sort as the query says. What is asked most, first pages without filters, is compiled already."""
        params = self.params()
        sort = params.get("sort", sort)
        keys = sort_keys(sort)

        def render(row: Row) -> dict[str, Any]:
            task_id, _version, list_id, *_more = row
            return task_row(row, grants.on(list_id, task_id))

        if params.keys() <= {"sort", "limit"}:
            rows = _first_page(of, scope=scope, sort=sort, limit=self.limit)
            return self.paged(pages.cut(rows, columns=TASK_COLUMNS, keys=keys, limit=self.limit, render=render))
        found = tasks_sortable(tasks_filtered(scope(of), params), sort)
        return self.page(found, columns=TASK_COLUMNS, keys=keys, render=render)


class ListTasks(TaskPages):
    """The tasks of one list."""

    @operation("listTasksOfList", answer=page_of(TaskAnswer), params=TaskParams)
    def get(self, request: Request, list_id: UUID) -> Response:
        """Give a page of them, by rank where nothing else is said."""
        return self.tasks_page(tasks_in, list_id, grants_in(self.me, list_id), sort="rank")

    @operation("createTask", request=TaskBody, answer=TaskAnswer, status=201)
    def post(self, request: Request, list_id: UUID) -> Response:
        """Make one at the end."""
        values = self.body(TaskBody, list_id=list_id)
        task = task_create(actor=self.me, list_id=list_id, values=values)
        return self.created(task_out(task), location=f"/v1/tasks/{task.id}", etag=task_etag(task))


class TaskCollection(TaskPages):
    """All tasks that one may see: those of all lists, and those shared singly."""

    @operation("listTasks", answer=page_of(TaskAnswer), params=TaskParams)
    def get(self, request: Request) -> Response:
        """Give a page of them, by age where nothing else is said."""
        return self.tasks_page(tasks_visible, self.me, grants_of(self.me), sort="created_at")


class TaskItem(TodoView):
    """One task."""

    access = TASKS

    @operation("getTask", answer=TaskAnswer)
    def get(self, request: Request, task_id: UUID) -> Response:
        """Give it."""
        return self.show_task(task_get(self.me, task_id))

    @operation("updateTask", request=TaskPatch, answer=TaskAnswer)
    def patch(self, request: Request, task_id: UUID) -> Response:
        """Change it; another list or parent puts it to the end there."""
        values = self.body(TaskPatch, partial=True)
        return self.show_task(task_update(actor=self.me, task_id=task_id, values=values, guard=self.guard_task))

    @operation("deleteTask")
    def delete(self, request: Request, task_id: UUID) -> Response:
        """Put it with its subtasks into the trash."""
        return self.deleted(lambda: task_delete(actor=self.me, task_id=task_id, guard=self.guard_task), task_id)


class TaskComplete(TodoView):
    """Completes a task."""

    access = TASKS

    @operation("completeTask", request=Nothing, answer=CompletedAnswer)
    def post(self, request: Request, task_id: UUID) -> Response:
        """Set it done; one that is done stays as it is."""
        self.nothing()
        task = task_complete(actor=self.me, task_id=task_id, guard=self.guard_task)
        return self.ok({"task": task_out(task), "next": None})


class TaskReopen(TodoView):
    """Reopens a task."""

    access = TASKS

    @operation("reopenTask", request=Nothing, answer=TaskAnswer)
    def post(self, request: Request, task_id: UUID) -> Response:
        """Set it open; one that is open stays as it is."""
        self.nothing()
        return self.show_task(task_reopen(actor=self.me, task_id=task_id, guard=self.guard_task))


class TaskMove(TodoView):
    """Moves a task."""

    access = TASKS

    @operation("moveTask", request=MoveBody, answer=TaskAnswer)
    def post(self, request: Request, task_id: UUID) -> Response:
        """Give it another list, parent or place; its subtasks go with it."""
        to = self.body(MoveBody)
        return self.show_task(task_move(actor=self.me, task_id=task_id, to=to, guard=self.guard_task))


class TaskActivity(TodoView):
    """What happened to a task."""

    access = TASKS
    Params = Query

    @operation("listTaskActivity", answer=page_of(ActivityAnswer), params=Query)
    def get(self, request: Request, task_id: UUID) -> Response:
        """Give a page of it, the latest first."""
        task = task_get(self.me, task_id)
        return self.page(task_activity(task), keys=("-at", "-id"), render=activity_out)
