"""Facts that `todo` publishes. Task and comment events are ordered per task, list and invitation events per list."""

from dataclasses import dataclass, field
from typing import ClassVar

from libs.contracts.event import Changes, Event


@dataclass(frozen=True, kw_only=True)
class ListEvent(Event):
    """What all events of a list carry."""

    aggregate: ClassVar[str] = "list_id"

    list_id: str
    version: int
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ListCreated(ListEvent):
    """A list was made."""

    type: ClassVar[str] = "todo.list.created"


@dataclass(frozen=True, kw_only=True)
class ListUpdated(ListEvent):
    """A list was renamed, recoloured, archived or taken from the archive."""

    type: ClassVar[str] = "todo.list.updated"


@dataclass(frozen=True, kw_only=True)
class ListDeleted(ListEvent):
    """A list went to the trash, or was erased."""

    type: ClassVar[str] = "todo.list.deleted"


@dataclass(frozen=True, kw_only=True)
class ListShared(ListEvent):
    """Somebody became a member of the list or, where `task_id` is set, of one task of it; or got another role."""

    type: ClassVar[str] = "todo.list.shared"

    member: str | None
    email: str
    role: str
    task_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class ListUnshared(ListEvent):
    """Somebody is no longer a member of the list or, where `task_id` is set, of one task of it."""

    type: ClassVar[str] = "todo.list.unshared"

    member: str | None
    email: str
    role: str
    task_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class TaskEvent(Event):
    """What all events of a task carry."""

    aggregate: ClassVar[str] = "task_id"

    task_id: str
    list_id: str
    version: int
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TaskCreated(TaskEvent):
    """A task was made."""

    type: ClassVar[str] = "todo.task.created"


@dataclass(frozen=True, kw_only=True)
class TaskUpdated(TaskEvent):
    """Fields of a task changed."""

    type: ClassVar[str] = "todo.task.updated"


@dataclass(frozen=True, kw_only=True)
class TaskCompleted(TaskEvent):
    """A task was done."""

    type: ClassVar[str] = "todo.task.completed"


@dataclass(frozen=True, kw_only=True)
class TaskReopened(TaskEvent):
    """A task is open again."""

    type: ClassVar[str] = "todo.task.reopened"


@dataclass(frozen=True, kw_only=True)
class TaskMoved(TaskEvent):
    """A task has another list, parent or place."""

    type: ClassVar[str] = "todo.task.moved"


@dataclass(frozen=True, kw_only=True)
class TaskDeleted(TaskEvent):
    """A task went to the trash, or was erased."""

    type: ClassVar[str] = "todo.task.deleted"


@dataclass(frozen=True, kw_only=True)
class TaskRestored(TaskEvent):
    """A task came back from the trash."""

    type: ClassVar[str] = "todo.task.restored"


@dataclass(frozen=True, kw_only=True)
class CommentEvent(Event):
    """What all events of a comment carry."""

    aggregate: ClassVar[str] = "task_id"

    comment_id: str
    task_id: str
    list_id: str


@dataclass(frozen=True, kw_only=True)
class CommentCreated(CommentEvent):
    """A comment was written."""

    type: ClassVar[str] = "todo.comment.created"


@dataclass(frozen=True, kw_only=True)
class CommentDeleted(CommentEvent):
    """A comment was deleted."""

    type: ClassVar[str] = "todo.comment.deleted"


@dataclass(frozen=True, kw_only=True)
class InvitationCreated(Event):
    """An address without an account was invited to a list, or to one task of it."""

    type: ClassVar[str] = "todo.invitation.created"
    aggregate: ClassVar[str] = "list_id"

    share_id: str
    list_id: str
    task_id: str | None
    name: str
    email: str
    role: str
    invited_by: str
    inviter_name: str
