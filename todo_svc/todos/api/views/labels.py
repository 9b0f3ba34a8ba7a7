"""Labels: everybody's own catalogue."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from libs.webapi.serializers import Query
from todo_svc.todos.api.answers import LabelAnswer, page_of
from todo_svc.todos.api.bodies import LabelBody, LabelPatch
from todo_svc.todos.api.render import etag, label_out
from todo_svc.todos.api.views.base import TASKS, TodoView, operation
from todo_svc.todos.models import Label
from todo_svc.todos.selectors.labels import label_get, labels_of
from todo_svc.todos.services.labels import label_create, label_delete, label_update


class LabelCollection(TodoView):
    """One's labels."""

    access = TASKS
    Params = Query

    @operation("listLabels", answer=page_of(LabelAnswer), params=Query)
    def get(self, request: Request) -> Response:
        """Give a page of them, by name."""
        return self.page(labels_of(self.me), keys=("name", "id"), render=label_out)

    @operation("createLabel", request=LabelBody, answer=LabelAnswer, status=201)
    def post(self, request: Request) -> Response:
        """Add one."""
        label = label_create(actor=self.me, values=self.body(LabelBody))
        return self.created(label_out(label), location=f"/v1/labels/{label.id}", etag=etag(label))


class LabelItem(TodoView):
    """One label."""

    access = TASKS

    @operation("getLabel", answer=LabelAnswer)
    def get(self, request: Request, label_id: UUID) -> Response:
        """Give it."""
        return self._show(label_get(self.me, label_id))

    @operation("updateLabel", request=LabelPatch, answer=LabelAnswer)
    def patch(self, request: Request, label_id: UUID) -> Response:
        """Change it; tasks keep the names they have."""
        values = self.body(LabelPatch, partial=True)
        guard = self.guard(etag, label_out)
        return self._show(label_update(actor=self.me, label_id=label_id, values=values, guard=guard))

    @operation("deleteLabel")
    def delete(self, request: Request, label_id: UUID) -> Response:
        """Take it from the catalogue; tasks keep the names they have."""
        label_delete(actor=self.me, label_id=label_id, guard=self.guard(etag, label_out))
        return self.no_content()

    def _show(self, label: Label) -> Response:
        return self.ok(label_out(label), etag=etag(label))
