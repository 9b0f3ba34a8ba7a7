"""Accounts, sessions, their tokens, personal tokens, signing keys, and what gateways must know of ended ones."""

import unicodedata
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Make a UUIDv7."""
    return uuid7()


def email_key(email: str) -> str:
    """Give the form in which addresses are compared: case and compatible characters make no difference."""
    return unicodedata.normalize("NFKC", email).casefold()


class User(AbstractBaseUser):
    """An account. `email` is as the user wrote it; `email_key` makes it unique whatever the case."""

    last_login = None

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(max_length=254)
    email_key = models.CharField(max_length=1024, unique=True)
    display_name = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64, default="UTC")
    locale = models.CharField(max_length=35, default="en")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    erase_at = models.DateTimeField(null=True, db_index=True)

    USERNAME_FIELD = "email_key"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    def __str__(self) -> str:
        return self.email

    def touch(self) -> None:
        """Count a change; the caller saves."""
        self.version += 1
        self.updated_at = now()


class Session(models.Model):
    """A sign-in on one device: the family of its refresh tokens. It ends once, for one reason."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=now)
    last_seen_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=32, blank=True)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=255, blank=True)

    def __str__(self) -> str:
        return str(self.id)

    def is_live(self, at: datetime) -> bool:
        """Tell whether tokens of this session hold."""
        return self.ended_at is None and self.expires_at > at


class RefreshToken(models.Model):
    """A refresh token, known by its SHA-256 only. Used ones stay until they expire, to recognise reuse."""

    digest = models.CharField(primary_key=True, max_length=64)
    session = models.ForeignKey(Session, models.CASCADE, related_name="refresh_tokens")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.digest[:8]


class PersonalToken(models.Model):
    """A personal access token (PAT), known by its SHA-256 only. It has no session: it ends when its row goes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="personal_tokens")
    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, db_index=True)
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @property
    def scopes(self) -> list[str]:
        """What it may be used for, in alphabetical order."""
        return self.scope.split()


class SigningKey(models.Model):
    """A key of access tokens. There is at most one `next` and one `current`, whoever starts first."""

    class State(models.TextChoices):
        """What a key is for: it is shown first, signs then, and verifies until its last token is dead."""

        NEXT = "next"
        CURRENT = "current"
        PREVIOUS = "previous"

    kid = models.CharField(primary_key=True, max_length=64)
    state = models.CharField(max_length=8, choices=State.choices)
    public_jwk = models.JSONField()
    private_key = models.TextField()
    created_at = models.DateTimeField(default=now)
    retires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["state"], condition=Q(state__in=["next", "current"]), name="signing_key_state_unique"
            ),
        )

    def __str__(self) -> str:
        return self.kid


class Revocation(models.Model):
    """An ended session or personal token that gateways may still believe in. It outlives the row of what ended."""

    sequence = models.BigIntegerField(primary_key=True)
    session_id = models.UUIDField(null=True)
    token_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(session_id=None) ^ Q(token_id=None), name="revocation_of_a_session_or_a_token"
            ),
        )

    def __str__(self) -> str:
        return f"{self.sequence}: {self.session_id or self.token_id}"


class RevocationClock(models.Model):
    """One row that holds the last sequence. Writers lock it, so sequences become visible in their order."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)


class LoginAttempts(models.Model):
    """Passwords tried for one account from one network in the current window."""

    key = models.CharField(primary_key=True, max_length=64)
    count = models.PositiveIntegerField(default=0)
    window_ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.count}"


class Mail(models.Model):
    """A mail that waits to be sent; it goes when it is sent."""

    event_id = models.CharField(primary_key=True, max_length=64)
    recipient = models.CharField(max_length=254)
    subject = models.TextField()
    body = models.TextField()
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=now, db_index=True)

    def __str__(self) -> str:
        return self.event_id
