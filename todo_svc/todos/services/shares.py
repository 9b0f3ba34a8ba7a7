"""Sharing lists and single tasks: members, their roles, and invitations of addresses without an account."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from libs.contracts.errors import ValidationFailed
from libs.contracts.event import Changes
from libs.contracts.todo import InvitationCreated, ListShared, ListUnshared
from todo_svc.todos.errors import AlreadyShared, InboxIsFixed, InheritedShare, LastOwner
from todo_svc.todos.models import Person, Share, Task, TaskList, email_key
from todo_svc.todos.roles import Action, Role, require
from todo_svc.todos.selectors.lists import list_lock
from todo_svc.todos.selectors.shares import (
    Target,
    display_name,
    list_owners,
    own_shares,
    person_by_email_key,
    person_by_id,
    share_get,
)
from todo_svc.todos.selectors.tasks import task_get
from todo_svc.todos.services.tasks import assignees_keep_members, task_commit
from todo_svc.todos.services.writing import (
    Guard,
    announce,
    created,
    insert,
    list_happened,
    record,
    unguarded,
)


@dataclass(frozen=True, slots=True)
class On:
    """What is shared: a list, or a single task."""

    list_id: UUID | None = None
    task_id: UUID | None = None

    def locked(self, actor: UUID) -> Target:
        """Lock it for the rest of the transaction; NotFound where `actor` may not see it."""
        if self.task_id is not None:
            return task_get(actor, self.task_id, lock=True)
        assert self.list_id is not None
        return list_lock(actor, self.list_id)


@transaction.atomic
def share_create(
    *, actor: UUID, on: On, role: Role, email: str = "", user_id: UUID | None = None, share_id: UUID | None = None
) -> Share:
    """Make a known person a member at once; invite an address that nobody has yet."""
    target = on.locked(actor)
    require(target.grant, _sharing(target))
    if isinstance(target, TaskList) and target.is_inbox:
        raise InboxIsFixed
    person = _person(email, user_id)
    share = _new_share(target, role, person, email)
    if share_id is not None:
        share.id = share_id
    if own_shares(target).filter(user=share.user, email_key=share.email_key).exists():
        raise AlreadyShared
    insert(share)
    if person is None:
        _invited(share, target, actor)
    else:
        share_activated(share, target, actor=actor, changes=created({"role": role.wire}))
    return share


@transaction.atomic
def share_update(*, actor: UUID, on: On, share_id: UUID, role: Role | None, guard: Guard = unguarded) -> Share:
    """Give a member another role; None leaves it."""
    target = on.locked(actor)
    share = share_get(target, share_id, lock=True)
    require(target.grant, _sharing(target))
    _refuse_inherited(share, target)
    guard(share)
    if role is None or share.role == role:
        return share
    _keep_an_owner(share)
    changes: Changes = {"role": {"from": Role(share.role).wire, "to": role.wire}}
    share.role = role
    share.touch()
    share.save()
    if share.is_active:
        share_activated(share, target, actor=actor, changes=changes)
    else:
        _record(share, target, "list.invited", actor, changes)
    return share


@transaction.atomic
def share_delete(*, actor: UUID, on: On, share_id: UUID, guard: Guard = unguarded) -> None:
    """Remove a member or an invitation; everybody may leave."""
    target = on.locked(actor)
    share = share_get(target, share_id, lock=True)
    if share.user_id != actor:
        require(target.grant, _sharing(target))
    _refuse_inherited(share, target)
    guard(share)
    _keep_an_owner(share)
    share_remove(share, target, actor=actor)


def share_activated(share: Share, target: Target, *, actor: UUID | None, changes: Changes) -> None:
    """Record and publish that a member has come, or has another role."""
    _tell(share, target, ListShared, actor, changes)


def share_remove(share: Share, target: Target, *, actor: UUID | None) -> None:
    """Delete a share, with what was assigned to its member there; record and publish it."""
    role = Role(share.role).wire
    _tell(share, target, ListUnshared, actor, {"role": {"from": role, "to": None}})
    user_id = share.user_id
    share.delete()
    if user_id is not None:
        _unassign(target, user_id, actor)


def _unassign(target: Target, user_id: UUID, actor: UUID | None) -> None:
    tasks = Task.objects.filter(assignee_rows__user_id=user_id, deleted_at=None).select_for_update(
        of=("self",), no_key=True
    )
    mine = tasks.filter(pk=target.pk) if isinstance(target, Task) else tasks.filter(list=target)
    for task in mine.order_by("pk"):
        task_commit(task, actor=actor, changes=assignees_keep_members(task))


def _tell(
    share: Share, target: Target, kind: type[ListShared | ListUnshared], actor: UUID | None, changes: Changes
) -> None:
    """Write history where the thing is, and publish in the order of its list."""
    obj = target.list if isinstance(target, Task) else target
    member = str(share.user_id) if share.user_id else None
    data: dict[str, Any] = {"member": member, "email": _address(share), "role": Role(share.role).wire}
    if isinstance(target, TaskList):
        list_happened(obj, kind, actor=actor, changes={"member": _change(kind, member), **changes}, **data)
        return
    _record(share, target, kind.type.removeprefix("todo."), actor, {"member": _change(kind, member), **changes})
    event = kind(list_id=str(obj.id), version=obj.version, changes=changes, task_id=str(target.id), **data)
    announce(event, actor)


def _change(kind: type[ListShared | ListUnshared], member: str | None) -> dict[str, str | None]:
    return {"from": None, "to": member} if kind is ListShared else {"from": member, "to": None}


def _invited(share: Share, target: Target, actor: UUID) -> None:
    """History names no address: it is personal, and its owner may want it erased."""
    role = Role(share.role).wire
    _record(share, target, "list.invited", actor, created({"role": role}))
    is_task = isinstance(target, Task)
    event = InvitationCreated(
        share_id=str(share.id),
        list_id=str(target.list_id if isinstance(target, Task) else target.id),
        task_id=str(target.id) if is_task else None,
        name=target.title if isinstance(target, Task) else target.name,
        email=share.email,
        role=role,
        invited_by=str(actor),
        inviter_name=display_name(actor),
    )
    announce(event, actor)


def _record(share: Share, target: Target, action: str, actor: UUID | None, changes: Changes) -> None:
    list_id = target.list_id if isinstance(target, Task) else target.id
    task_id = target.id if isinstance(target, Task) else None
    record(action=action, list_id=list_id, task_id=task_id, actor=actor, changes=changes)


def _new_share(target: Target, role: Role, person: Person | None, email: str) -> Share:
    member = {"user": person} if person else {"email": email, "email_key": email_key(email)}
    thing = {"task": target} if isinstance(target, Task) else {"list": target}
    return Share(**thing, **member, role=role)


def _person(email: str, user_id: UUID | None) -> Person | None:
    if user_id is None:
        return person_by_email_key(email_key(email))
    person = person_by_id(user_id)
    if person is None:
        raise ValidationFailed.of("/user_id", "unknown_user", "there is no such user")
    return person


def _address(share: Share) -> str:
    if not share.is_active:
        return share.email
    return share.user.email if share.user else ""


def _sharing(target: Target) -> Action:
    return "task.share" if isinstance(target, Task) else "list.share"


def _refuse_inherited(share: Share, target: Target) -> None:
    if isinstance(target, Task) and share.task_id != target.id:
        raise InheritedShare


def _keep_an_owner(share: Share) -> None:
    """Refuse to take the role from the last owner of a list; the list is locked."""
    if share.list_id is None or share.role != Role.OWNER or not share.is_active:
        return
    if not list_owners(share.list_id).exclude(pk=share.pk).exists():
        raise LastOwner
