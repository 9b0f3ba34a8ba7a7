"""Writing the catalogue of labels. Tasks carry names, so renaming or deleting a label leaves them as they are."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from todo_svc.todos.errors import LabelExists
from todo_svc.todos.models import Label
from todo_svc.todos.selectors.labels import label_get, labels_of
from todo_svc.todos.services.writing import Guard, applied, insert, unguarded


@transaction.atomic
def label_create(*, actor: UUID, values: Mapping[str, Any]) -> Label:
    """Add a label to the user's catalogue."""
    label = Label(**values, owner_id=actor)
    _refuse_second(label)
    try:
        insert(label)
    except IntegrityError:
        raise LabelExists from None
    return label


@transaction.atomic
def label_update(*, actor: UUID, label_id: UUID, values: Mapping[str, Any], guard: Guard = unguarded) -> Label:
    """Change name or colour."""
    label = label_get(actor, label_id, lock=True)
    guard(label)
    if applied(label, values):
        _refuse_second(label)
        label.touch()
        try:
            with transaction.atomic():
                label.save()
        except IntegrityError:
            raise LabelExists from None
    return label


@transaction.atomic
def label_delete(*, actor: UUID, label_id: UUID, guard: Guard = unguarded) -> None:
    """Take a label from the catalogue."""
    label = label_get(actor, label_id, lock=True)
    guard(label)
    label.delete()


def _refuse_second(label: Label) -> None:
    if labels_of(label.owner_id).filter(name=label.name).exclude(pk=label.pk).exists():
        raise LabelExists
