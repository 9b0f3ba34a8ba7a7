"""What the views of this service share: the caller's id, the access declarations, the If-Match checks."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from libs.contracts.errors import NotFound, Unauthenticated
from libs.webapi.access import User
from libs.webapi.serializers import Query
from libs.webapi.views import View
from todo_svc.todos.api import schemas  # noqa: F401  (describes fields by being loaded)
from todo_svc.todos.api.render import list_etag, list_out, task_etag, task_out
from todo_svc.todos.models import Task, TaskList
from todo_svc.todos.selectors.trash import trash_visible

LISTS = User(read="lists:read", write="lists:write")
TASKS = User(read="tasks:read", write="tasks:write")
LIST_SHARES = User(read="lists:read", write="shares:write")
TASK_SHARES = User(read="tasks:read", write="shares:write")

Operation = Callable[[Any], Any]


class TodoView(View):
    """A view on behalf of a user."""

    @property
    def me(self) -> UUID:
        """The user's id."""
        try:
            return UUID(self.user_id)
        except ValueError:
            raise Unauthenticated("the token names no user") from None

    def show_list(self, obj: TaskList) -> Response:
        """Answer with a list."""
        return self.ok(list_out(obj), etag=list_etag(obj))

    def show_task(self, task: Task) -> Response:
        """Answer with a task."""
        return self.ok(task_out(task), etag=task_etag(task))

    def deleted(self, delete: Callable[[], None], entry_id: UUID) -> Response:
        """Delete, and answer 204: also where an attempt before, which gave no answer, has put it into the trash."""
        try:
            delete()
        except NotFound:
            if not (self.call.attempt and trash_visible(self.me).filter(pk=entry_id).exists()):
                raise
        return self.no_content()

    def guard_list(self, obj: TaskList) -> None:
        """Check If-Match on a list: tags that differ only in the counts of tasks are as good."""
        tag = list_etag(obj)
        version = tag.rpartition("-")[0] + "-"
        given = self.request.headers.get("If-Match", "").split(",")
        as_good = next((each.strip() for each in given if each.strip().startswith(version)), tag)
        self.check_if_match(as_good, lambda: list_out(obj))

    def guard_task(self, task: Task) -> None:
        """Check If-Match on a task."""
        self.check_if_match(task_etag(task), lambda: task_out(task))


def operation(
    name: str, *, request: Any = None, answer: Any = None, status: int = 200, params: type[Query] | None = None
) -> Operation:
    """Describe an operation in OpenAPI; without `answer` it answers 204."""
    responses = {204: None} if answer is None else {status: answer}
    decorate: Operation = extend_schema(
        operation_id=name, request=request, responses=responses, parameters=[params] if params else None
    )
    return decorate
