"""What Auth tells of users: their projection, their Inbox, their invitations, and the end of their data.

Events may come twice, late or out of order: `applied_sequence` keeps older facts from overwriting newer ones, and an
erased person stays erased. When an account ends, its lists end too, unless somebody else owns them as well: a list
whose only owner leaves has nobody who may decide about it, so it is erased with its owner, members or not. What the
user wrote in lists of others stays there without a name.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from todo_svc.todos.models import (
    Activity,
    Comment,
    Label,
    Person,
    Share,
    Task,
    TaskAssignee,
    TaskList,
    email_key,
)
from todo_svc.todos.roles import Role
from todo_svc.todos.selectors.shares import list_owners, own_shares
from todo_svc.todos.services.lists import inbox_ensure
from todo_svc.todos.services.shares import share_activated, share_remove
from todo_svc.todos.services.trash import list_erase
from todo_svc.todos.services.writing import created


@transaction.atomic
def person_register(*, user_id: UUID, email: str, display_name: str, sequence: int) -> None:
    """Project a new user, give them their Inbox and what they were invited to."""
    person = _project(user_id, email, display_name, sequence)
    if not person.erased:
        inbox_ensure(user=user_id)
        _accept_invitations(person)


@transaction.atomic
def person_update(*, user_id: UUID, email: str, display_name: str, sequence: int) -> None:
    """Project a changed address or name; invitations of the new address are theirs."""
    person = _project(user_id, email, display_name, sequence)
    if not person.erased:
        _accept_invitations(person)


@transaction.atomic
def person_erase(*, user_id: UUID, sequence: int) -> None:
    """Erase all data of a user whose account has ended."""
    person = _locked(user_id)
    _leave_everything(user_id)
    Share.objects.filter(user=None, email_key=person.email_key).exclude(email_key="").delete()
    _anonymise(user_id)
    Label.objects.filter(owner_id=user_id).delete()
    person.erased = True
    person.email = person.email_key = person.display_name = ""
    person.applied_sequence = max(person.applied_sequence, sequence)
    person.save()


def invitations_settle() -> int:
    """Accept invitations that were written in the very moment when their address registered; give the number."""
    keys = Share.objects.filter(user=None).values("email_key")
    people = Person.objects.filter(erased=False, email_key__in=keys)
    return sum(_accept_invitations(person) for person in people)


def _project(user_id: UUID, email: str, display_name: str, sequence: int) -> Person:
    person = _locked(user_id)
    if not person.erased and sequence > person.applied_sequence:
        person.email, person.email_key, person.display_name = email, email_key(email), display_name
        person.applied_sequence = sequence
        person.save()
    return person


def _locked(user_id: UUID) -> Person:
    Person.objects.get_or_create(id=user_id)
    return Person.objects.select_for_update().get(id=user_id)


@transaction.atomic
def _accept_invitations(person: Person) -> int:
    if not person.email_key:
        return 0
    invited = Share.objects.filter(user=None, email_key=person.email_key).select_related("list", "task__list")
    shares = list(invited.select_for_update(of=("self",)).order_by("pk"))
    for share in shares:
        _accept(share, person)
    return len(shares)


def _accept(share: Share, person: Person) -> None:
    """Make an invitation a membership; where there is one, the higher role remains."""
    target = share.task or share.list
    assert target is not None
    there = own_shares(target).filter(user=person).first()
    if there is not None:
        share.delete()
        if there.role >= share.role:
            return
        there.role, share = share.role, there
    share.user, share.email, share.email_key = person, "", ""
    share.touch()
    share.save()
    share_activated(share, target, actor=person.id, changes=created({"role": Role(share.role).wire}))


def _leave_everything(user_id: UUID) -> None:
    shares = Share.objects.filter(user_id=user_id).select_related("list", "task__list").order_by("pk")
    for share in shares:
        owns_alone = (
            share.list_id is not None
            and share.role == Role.OWNER
            and not list_owners(share.list_id).exclude(pk=share.pk).exists()
        )
        if owns_alone and share.list:
            list_erase(share.list, actor=user_id)
        elif share.list or Task.objects.filter(shares=share).exists():
            share_remove(share, _target(share), actor=user_id)


def _target(share: Share) -> TaskList | Task:
    target = share.task or share.list
    assert target is not None
    return target


def _anonymise(user_id: UUID) -> None:
    """Take the name from what stays; versions go up, since what clients see is another."""
    now = timezone.now()
    touched = {"version": F("version") + 1, "updated_at": now}
    made, completed = Q(created_by=user_id), Q(completed_by=user_id)
    Task.objects.filter(made | completed).update(**touched)
    Task.objects.filter(made).update(created_by=None)
    Task.objects.filter(completed).update(completed_by=None)
    for task in Task.objects.filter(assignee_rows__user_id=user_id):
        assignees = [each for each in task.assignees if each != str(user_id)]
        Task.objects.filter(pk=task.pk).update(assignees=assignees, **touched)
    TaskAssignee.objects.filter(user_id=user_id).delete()
    Comment.objects.filter(author_id=user_id).update(author_id=None, **touched)
    Activity.objects.filter(actor_id=user_id).update(actor=None)
