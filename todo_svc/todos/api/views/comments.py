"""Comments."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from libs.webapi.serializers import Query
from todo_svc.todos.api.answers import CommentAnswer, page_of
from todo_svc.todos.api.bodies import CommentBody, CommentPatch
from todo_svc.todos.api.render import comment_out, etag
from todo_svc.todos.api.views.base import TASKS, TodoView, operation
from todo_svc.todos.models import Comment
from todo_svc.todos.selectors.tasks import comment_get, task_comments, task_get
from todo_svc.todos.services.comments import comment_create, comment_delete, comment_update


class CommentCollection(TodoView):
    """The comments of a task."""

    access = TASKS
    Params = Query

    @operation("listComments", answer=page_of(CommentAnswer), params=Query)
    def get(self, request: Request, task_id: UUID) -> Response:
        """Give a page of them, the oldest first."""
        return self.page(task_comments(task_get(self.me, task_id)), keys=("created_at", "id"), render=comment_out)

    @operation("createComment", request=CommentBody, answer=CommentAnswer, status=201)
    def post(self, request: Request, task_id: UUID) -> Response:
        """Write one."""
        comment = comment_create(actor=self.me, task_id=task_id, values=self.body(CommentBody))
        location = f"/v1/tasks/{task_id}/comments/{comment.id}"
        return self.created(comment_out(comment), location=location, etag=etag(comment))


class CommentItem(TodoView):
    """One comment."""

    access = TASKS

    @operation("getComment", answer=CommentAnswer)
    def get(self, request: Request, task_id: UUID, comment_id: UUID) -> Response:
        """Give it."""
        return self._show(comment_get(task_get(self.me, task_id), comment_id))

    @operation("updateComment", request=CommentPatch, answer=CommentAnswer)
    def patch(self, request: Request, task_id: UUID, comment_id: UUID) -> Response:
        """Change one's own."""
        values = self.body(CommentPatch, partial=True)
        guard = self.guard(etag, comment_out)
        return self._show(
            comment_update(actor=self.me, task_id=task_id, comment_id=comment_id, values=values, guard=guard)
        )

    @operation("deleteComment")
    def delete(self, request: Request, task_id: UUID, comment_id: UUID) -> Response:
        """Delete one's own; an owner of the list deletes any."""
        guard = self.guard(etag, comment_out)
        comment_delete(actor=self.me, task_id=task_id, comment_id=comment_id, guard=guard)
        return self.no_content()

    def _show(self, comment: Comment) -> Response:
        return self.ok(comment_out(comment), etag=etag(comment))
