"""Shares of lists and of single tasks."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from libs.webapi.serializers import Query
from todo_svc.todos.api.answers import ShareAnswer, page_of
from todo_svc.todos.api.bodies import ShareBody, SharePatch
from todo_svc.todos.api.render import share_etag, share_out
from todo_svc.todos.api.views.base import LIST_SHARES, TASK_SHARES, TodoView, operation
from todo_svc.todos.models import Share
from todo_svc.todos.selectors.lists import list_get
from todo_svc.todos.selectors.shares import members, share_get
from todo_svc.todos.selectors.tasks import task_get
from todo_svc.todos.services.shares import On, share_create, share_delete, share_update

KEYS = ("created_at", "id")


class Shares(TodoView):
    """What both collections do."""

    Params = Query

    def share(self, on: On, address: str) -> Response:
        """Add a member."""
        body = self.body(ShareBody)
        share = share_create(
            actor=self.me,
            on=on,
            role=body["role"],
            email=body.get("email", ""),
            user_id=body.get("user_id"),
            share_id=body.get("id"),
        )
        return self.created(share_out(share), location=f"{address}/shares/{share.id}", etag=share_etag(share))


class ShareItem(TodoView):
    """What both items do."""

    def change(self, on: On, share_id: UUID) -> Response:
        """Change the role; a patch without it changes nothing."""
        body = self.body(SharePatch, partial=True)
        share = share_update(
            actor=self.me, on=on, share_id=share_id, role=body.get("role"), guard=self.guard(share_etag, share_out)
        )
        return self.show(share)

    def remove(self, on: On, share_id: UUID) -> Response:
        """Remove the member."""
        share_delete(actor=self.me, on=on, share_id=share_id, guard=self.guard(share_etag, share_out))
        return self.no_content()

    def show(self, share: Share) -> Response:
        """Answer with the share."""
        return self.ok(share_out(share), etag=share_etag(share))


class ListShareCollection(Shares):
    """The members of a list."""

    access = LIST_SHARES

    @operation("listSharesOfList", answer=page_of(ShareAnswer), params=Query)
    def get(self, request: Request, list_id: UUID) -> Response:
        """Give a page of them, owners and invited addresses included."""
        return self.page(members(list_get(self.me, list_id)), keys=KEYS, render=share_out)

    @operation("shareList", request=ShareBody, answer=ShareAnswer, status=201)
    def post(self, request: Request, list_id: UUID) -> Response:
        """Add a member; an address without an account is invited."""
        return self.share(On(list_id=list_id), f"/v1/lists/{list_id}")


class ListShareItem(ShareItem):
    """One member of a list."""

    access = LIST_SHARES

    @operation("getShareOfList", answer=ShareAnswer)
    def get(self, request: Request, list_id: UUID, share_id: UUID) -> Response:
        """Give it."""
        return self.show(share_get(list_get(self.me, list_id), share_id))

    @operation("updateShareOfList", request=SharePatch, answer=ShareAnswer)
    def patch(self, request: Request, list_id: UUID, share_id: UUID) -> Response:
        """Give the member another role."""
        return self.change(On(list_id=list_id), share_id)

    @operation("unshareList")
    def delete(self, request: Request, list_id: UUID, share_id: UUID) -> Response:
        """Remove the member; everybody may leave."""
        return self.remove(On(list_id=list_id), share_id)


class TaskShareCollection(Shares):
    """The members of a task: those of its list, and those it is shared with singly."""

    access = TASK_SHARES

    @operation("listSharesOfTask", answer=page_of(ShareAnswer), params=Query)
    def get(self, request: Request, task_id: UUID) -> Response:
        """Give a page of them; to guests of the task, of the list's members only owners are named."""
        return self.page(members(task_get(self.me, task_id)), keys=KEYS, render=share_out)

    @operation("shareTask", request=ShareBody, answer=ShareAnswer, status=201)
    def post(self, request: Request, task_id: UUID) -> Response:
        """Share the single task; an address without an account is invited."""
        return self.share(On(task_id=task_id), f"/v1/tasks/{task_id}")


class TaskShareItem(ShareItem):
    """One member of a task."""

    access = TASK_SHARES

    @operation("getShareOfTask", answer=ShareAnswer)
    def get(self, request: Request, task_id: UUID, share_id: UUID) -> Response:
        """Give it."""
        return self.show(share_get(task_get(self.me, task_id), share_id))

    @operation("updateShareOfTask", request=SharePatch, answer=ShareAnswer)
    def patch(self, request: Request, task_id: UUID, share_id: UUID) -> Response:
        """Give the member another role."""
        return self.change(On(task_id=task_id), share_id)

    @operation("unshareTask")
    def delete(self, request: Request, task_id: UUID, share_id: UUID) -> Response:
        """Remove the member; everybody may leave."""
        return self.remove(On(task_id=task_id), share_id)
