"""Lists."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from libs.webapi.serializers import Nothing, Query
from todo_svc.todos.api.answers import ActivityAnswer, ListAnswer, page_of
from todo_svc.todos.api.bodies import ListBody, ListParams, ListPatch
from todo_svc.todos.api.render import activity_out, list_etag, list_out
from todo_svc.todos.api.views.base import LISTS, TodoView, operation
from todo_svc.todos.selectors.lists import list_activity, list_get, list_role, lists_visible
from todo_svc.todos.services.lists import list_archive, list_create, list_update
from todo_svc.todos.services.trash import list_delete


class ListCollection(TodoView):
    """All lists that one is a member of."""

    access = LISTS
    Params = ListParams

    @operation("listLists", answer=page_of(ListAnswer), params=ListParams)
    def get(self, request: Request) -> Response:
        """Give a page of them."""
        params = self.params()
        lists = lists_visible(self.me)
        if "archived" in params:
            lists = lists.filter(archived=params["archived"])
        return self.page(lists, keys=("rank", "id"), render=list_out)

    @operation("createList", request=ListBody, answer=ListAnswer, status=201)
    def post(self, request: Request) -> Response:
        """Make one."""
        obj = list_create(actor=self.me, values=self.body(ListBody))
        return self.created(list_out(obj), location=f"/v1/lists/{obj.id}", etag=list_etag(obj))


class ListItem(TodoView):
    """One list."""

    access = LISTS

    @operation("getList", answer=ListAnswer)
    def get(self, request: Request, list_id: UUID) -> Response:
        """Give it."""
        return self.show_list(list_get(self.me, list_id))

    @operation("updateList", request=ListPatch, answer=ListAnswer)
    def patch(self, request: Request, list_id: UUID) -> Response:
        """Change it."""
        values = self.body(ListPatch, partial=True)
        return self.show_list(list_update(actor=self.me, list_id=list_id, values=values, guard=self.guard_list))

    @operation("deleteList")
    def delete(self, request: Request, list_id: UUID) -> Response:
        """Put it into the trash."""
        return self.deleted(lambda: list_delete(actor=self.me, list_id=list_id, guard=self.guard_list), list_id)


class ListArchive(TodoView):
    """Puts a list into the archive."""

    access = LISTS

    @operation("archiveList", request=Nothing, answer=ListAnswer)
    def post(self, request: Request, list_id: UUID) -> Response:
        """Archive it."""
        self.nothing()
        return self.show_list(list_archive(actor=self.me, list_id=list_id, archived=True, guard=self.guard_list))


class ListUnarchive(TodoView):
    """Takes a list out of the archive."""

    access = LISTS

    @operation("unarchiveList", request=Nothing, answer=ListAnswer)
    def post(self, request: Request, list_id: UUID) -> Response:
        """Unarchive it."""
        self.nothing()
        return self.show_list(list_archive(actor=self.me, list_id=list_id, archived=False, guard=self.guard_list))


class ListActivity(TodoView):
    """What happened to a list and its tasks."""

    access = LISTS
    Params = Query

    @operation("listListActivity", answer=page_of(ActivityAnswer), params=Query)
    def get(self, request: Request, list_id: UUID) -> Response:
        """Give a page of it, the latest first."""
        list_role(self.me, list_id)
        return self.page(list_activity(list_id), keys=("-at", "-id"), render=activity_out)
