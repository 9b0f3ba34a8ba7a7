"""Who may do what: roles, what somebody was granted, and the one table that decides."""

from dataclasses import dataclass
from typing import Literal

from django.db.models import IntegerChoices

from todo_svc.todos.errors import RoleTooLow


class Role(IntegerChoices):
    """The roles, in ascending order. On the wire they are lower-case names."""

    VIEWER = 1
    COMMENTER = 2
    EDITOR = 3
    OWNER = 4

    @property
    def wire(self) -> str:
        """The name on the wire."""
        return self.name.lower()

    @classmethod
    def of(cls, wire: str) -> "Role":
        """Give the role of a name on the wire."""
        return cls[wire.upper()]


#: Role → its name on the wire, in ascending order.
WIRE = {int(role): role.wire for role in Role}
ROLE_NAMES = list(WIRE.values())

Action = Literal[
    "list.view",
    "list.edit",
    "list.archive",
    "list.delete",
    "list.share",
    "task.view",
    "task.create",
    "task.edit",
    "task.complete",
    "task.move",
    "task.delete",
    "task.share",
    "comment.write",
    "comment.moderate",
]

#: Action → the least role, and whether a share of the single task counts for it.
RULES: dict[Action, tuple[Role, bool]] = {
    "list.view": (Role.VIEWER, False),
    "list.edit": (Role.OWNER, False),
    "list.archive": (Role.OWNER, False),
    "list.delete": (Role.OWNER, False),
    "list.share": (Role.OWNER, False),
    "task.view": (Role.VIEWER, True),
    "task.create": (Role.EDITOR, False),
    "task.edit": (Role.EDITOR, True),
    "task.complete": (Role.EDITOR, True),
    "task.move": (Role.EDITOR, False),
    "task.delete": (Role.EDITOR, False),
    "task.share": (Role.OWNER, True),
    "comment.write": (Role.COMMENTER, True),
    "comment.moderate": (Role.OWNER, False),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """The roles somebody has on a list and, by a share of its own, on one task of it; 0 is none."""

    list_role: int = 0
    task_role: int = 0

    @property
    def role(self) -> int:
        """The effective role: the higher of the two."""
        return max(self.list_role, self.task_role)


def can(grant: Grant, action: Action) -> bool:
    """Tell whether `grant` permits `action`."""
    least, task_share_counts = RULES[action]
    return (grant.role if task_share_counts else grant.list_role) >= least


def require(grant: Grant, action: Action) -> None:
    """Raise RoleTooLow where `grant` does not permit `action`."""
    if not can(grant, action):
        least, task_share_counts = RULES[action]
        where = "task" if task_share_counts else "list"
        raise RoleTooLow(f"{action} needs the role {least.wire} on the {where}")
