"""Reading a user's own catalogue of labels."""

from uuid import UUID

from django.db.models import QuerySet

from libs.contracts.errors import NotFound
from todo_svc.todos.models import Label


def labels_of(user: UUID) -> QuerySet[Label]:
    """Give the user's labels."""
    return Label.objects.filter(owner_id=user)


def label_get(user: UUID, label_id: UUID, *, lock: bool = False) -> Label:
    """Give one label of the user, with `lock` for the rest of the transaction."""
    labels = labels_of(user)
    if lock:
        labels = labels.select_for_update(no_key=True)
    found = labels.filter(pk=label_id).first()
    if found is None:
        raise NotFound
    return found
