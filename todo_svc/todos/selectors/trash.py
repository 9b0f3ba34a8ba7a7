"""Reading the trash: whoever may delete a thing sees it there."""

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from libs.contracts.errors import NotFound
from todo_svc.todos.models import Share, TrashEntry
from todo_svc.todos.roles import RULES, Action


def trash_visible(user: UUID, *, with_lists: bool = True) -> QuerySet[TrashEntry]:
    """Give the deleted lists (left out without `with_lists`) and tasks that the user may restore."""
    tasks = Q(_may(user, "task.delete"), task__isnull=False)
    lists = Q(_may(user, "list.delete"), task=None)
    return TrashEntry.objects.filter(tasks | lists if with_lists else tasks)


def trash_get(user: UUID, entry_id: UUID, *, with_lists: bool = True, lock: bool = False) -> TrashEntry:
    """Give one entry, with `lock` for the rest of the transaction; NotFound where the user may not restore it."""
    entries = trash_visible(user, with_lists=with_lists)
    if lock:
        entries = entries.select_for_update(of=("self",))
    found = entries.filter(pk=entry_id).select_related("list").first()
    if found is None:
        raise NotFound
    return found


def trash_expired(at: datetime) -> QuerySet[TrashEntry]:
    """Give the entries whose time is over."""
    return TrashEntry.objects.filter(expires_at__lte=at)


def _may(user: UUID, action: Action) -> Exists:
    least, _ = RULES[action]
    return Exists(Share.objects.filter(list=OuterRef("list_id"), user_id=user, role__gte=least))
