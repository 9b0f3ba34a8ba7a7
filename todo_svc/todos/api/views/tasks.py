"""Tasks."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from libs.webapi.serializers import Nothing, Query
from todo_svc.todos.api.answers import ActivityAnswer, CompletedAnswer, TaskAnswer, page_of
from todo_svc.todos.api.bodies import MoveBody, TaskBody, TaskParams, TaskPatch
from todo_svc.todos.api.render import activity_out, task_etag, task_out
from todo_svc.todos.api.views.base import TASKS, TodoView, operation
from todo_svc.todos.models import Task
from todo_svc.todos.selectors.tasks import (
    Grants,
    task_activity,
    task_get,
    tasks_filtered,
    tasks_in,
    tasks_sorted,
    tasks_visible,
)
from todo_svc.todos.services.tasks import task_complete, task_create, task_move, task_reopen, task_update
from todo_svc.todos.services.trash import task_delete


class TaskPages(TodoView):
    """The base of both collections."""

    access = TASKS
    Params = TaskParams

    def tasks_page(self, tasks: QuerySet[Task], grants: Grants, *, sort: str) -> Response:
        """Filter and sort as the query says."""
        params = self.params()
        found, keys = tasks_sorted(tasks_filtered(tasks, params), params.get("sort", sort))

        def render(task: Task) -> dict[str, Any]:
            task.grant = grants.on(task)
            return task_out(task)

        return self.page(found, keys=keys, render=render)


class ListTasks(TaskPages):
    """The tasks of one list."""

    @operation("listTasksOfList", answer=page_of(TaskAnswer), params=TaskParams)
    def get(self, request: Request, list_id: UUID) -> Response:
        """Give a page of them, by rank where nothing else is said."""
        return self.tasks_page(*tasks_in(self.me, list_id), sort="rank")

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
        return self.tasks_page(*tasks_visible(self.me), sort="created_at")


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
        task_delete(actor=self.me, task_id=task_id, guard=self.guard_task)
        return self.no_content()


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
