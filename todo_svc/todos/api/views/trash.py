"""The trash. Deleted lists need the scopes of lists beside those of tasks."""

from uuid import UUID

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.request import Request
from rest_framework.response import Response

from libs.webapi.serializers import Nothing, Query
from todo_svc.todos.api.answers import ListAnswer, TaskAnswer, TrashAnswer, page_of
from todo_svc.todos.api.render import trash_out
from todo_svc.todos.api.views.base import LISTS, TASKS, TodoView, operation
from todo_svc.todos.models import Task
from todo_svc.todos.selectors.trash import trash_visible
from todo_svc.todos.services.trash import trash_erase, trash_restore

RESTORED = PolymorphicProxySerializer("Restored", [ListAnswer, TaskAnswer], resource_type_field_name=None)


class TrashView(TodoView):
    """What all three share."""

    access = TASKS

    @property
    def with_lists(self) -> bool:
        """Whether the token also permits this on lists."""
        return LISTS.scope(self.request.method or "") in self.principal.scopes


class TrashCollection(TrashView):
    """What one may restore."""

    Params = Query

    @operation("listTrash", answer=page_of(TrashAnswer), params=Query)
    def get(self, request: Request) -> Response:
        """Give a page of it, the latest first."""
        entries = trash_visible(self.me, with_lists=self.with_lists)
        return self.page(entries, keys=("-deleted_at", "-id"), render=trash_out)


class TrashItem(TrashView):
    """One deleted thing."""

    @operation("eraseFromTrash")
    def delete(self, request: Request, entry_id: UUID) -> Response:
        """Erase it for good."""
        trash_erase(actor=self.me, entry_id=entry_id, with_lists=self.with_lists)
        return self.no_content()


class TrashRestore(TrashView):
    """Restores a deleted thing."""

    @operation("restoreFromTrash", request=Nothing, answer=RESTORED)
    def post(self, request: Request, entry_id: UUID) -> Response:
        """Bring it back, with what went with it."""
        self.nothing()
        obj = trash_restore(actor=self.me, entry_id=entry_id, with_lists=self.with_lists)
        return self.show_task(obj) if isinstance(obj, Task) else self.show_list(obj)
