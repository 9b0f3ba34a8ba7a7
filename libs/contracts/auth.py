"""Facts that `auth` publishes."""

from dataclasses import dataclass, field
from typing import ClassVar

from libs.contracts.event import Changes, Event


@dataclass(frozen=True, kw_only=True)
class UserEvent(Event):
    """What all events of an account carry; they are ordered per user."""

    aggregate: ClassVar[str] = "user_id"

    user_id: str
    email: str
    display_name: str
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class UserRegistered(UserEvent):
    """An account was made."""

    type: ClassVar[str] = "auth.user.registered"


@dataclass(frozen=True, kw_only=True)
class UserUpdated(UserEvent):
    """Address or name changed."""

    type: ClassVar[str] = "auth.user.updated"


@dataclass(frozen=True, kw_only=True)
class UserDeleted(UserEvent):
    """The account is erased; each service erases what it holds of the user."""

    type: ClassVar[str] = "auth.user.deleted"


@dataclass(frozen=True, kw_only=True)
class SessionRevoked(Event):
    """A session ended before its time."""

    type: ClassVar[str] = "auth.session.revoked"
    aggregate: ClassVar[str] = "session_id"

    session_id: str
    user_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class KeyRotated(Event):
    """Another key signs access tokens from now on."""

    type: ClassVar[str] = "auth.key.rotated"
    aggregate: ClassVar[str] = "key_id"

    key_id: str
