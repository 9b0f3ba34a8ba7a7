"""Reading who is a member of what."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from libs.contracts.errors import NotFound
from todo_svc.todos.models import Person, Share, Task, TaskList
from todo_svc.todos.roles import Role

Target = TaskList | Task


def own_shares(target: Target) -> QuerySet[Share]:
    """Give the shares of a list or of a single task itself."""
    return Share.objects.filter(task=target) if isinstance(target, Task) else Share.objects.filter(list=target)


def members(target: Target) -> QuerySet[Share]:
    """Give the shares of all members, with the people.

    Those of a task include the list's. To a guest of the task the list's owners are named, and no other member.
    """
    mine = Q(list=target) if isinstance(target, TaskList) else Q(task=target) | _of_the_list(target)
    return Share.objects.filter(mine).select_related("user")


def _of_the_list(task: Task) -> Q:
    least = Role.VIEWER if task.grant.list_role else Role.OWNER
    return Q(list_id=task.list_id, role__gte=least)


def share_get(target: Target, share_id: UUID, *, lock: bool = False) -> Share:
    """Give the share of one member, with `lock` for the rest of the transaction."""
    shares = members(target)
    if lock:
        shares = shares.select_for_update(of=("self",), no_key=True)
    found = shares.filter(pk=share_id).first()
    if found is None:
        raise NotFound
    return found


def list_owners(list_id: UUID) -> QuerySet[Share]:
    """Give the shares of a list's owners who have an account."""
    return Share.objects.filter(list_id=list_id, role=Role.OWNER).exclude(user=None)


def strangers(user_ids: Iterable[str], *, list_id: UUID, task_id: UUID | None) -> set[str]:
    """Give those of `user_ids` who may not see a task."""
    wanted = {UUID(user_id) for user_id in user_ids}
    if not wanted:
        return set()
    shares = Share.objects.filter(Q(list_id=list_id) | Q(task_id=task_id, task__isnull=False), user_id__in=wanted)
    return {str(user_id) for user_id in wanted - set(shares.values_list("user_id", flat=True))}


def person_by_email_key(key: str) -> Person | None:
    """Give the person with this address."""
    return Person.objects.filter(email_key=key, erased=False).first()


def person_by_id(user_id: UUID) -> Person | None:
    """Give the person with this id."""
    return Person.objects.filter(pk=user_id, erased=False).first()


def display_name(user_id: UUID) -> str:
    """Give a person's name; empty where Auth has not told of them yet."""
    names = Person.objects.filter(pk=user_id).values_list("display_name", flat=True)
    return names.first() or ""
