"""Shapes of bodies and answers. Answers are rendered by plain functions; their classes describe them in OpenAPI."""

import re
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from rest_framework import serializers

from auth_svc.accounts.models import PersonalToken, Session, User
from auth_svc.accounts.services.sessions import SCOPE, Grant
from libs.webapi import etags
from libs.webapi.serializers import Strict

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
USER_FIELDS = (
    "id",
    "version",
    "email",
    "display_name",
    "timezone",
    "locale",
    "created_at",
    "updated_at",
    "erase_at",
)
MAX_PASSWORD = 1024
MAX_TOKEN = 4096


@cache
def timezones() -> frozenset[str]:
    """Give the names of the IANA time zone database."""
    return frozenset(available_timezones())


class TextField(serializers.CharField):
    """Text that was sent as text: a number or a truth value is not read as one."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse everything but strings."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class AddressField(serializers.EmailField, TextField):
    """An e-mail address."""


class PasswordField(TextField):
    """A password: taken as it is, spaces included."""

    def __init__(self, **options: Any) -> None:
        """Bound the length, so that hashing has an end."""
        super().__init__(trim_whitespace=False, max_length=MAX_PASSWORD, **options)


class TimezoneField(TextField):
    """The name of an IANA time zone, such as Europe/Berlin."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse names that the time zone database does not know."""
        name = super().to_internal_value(data)
        if name not in timezones():
            raise serializers.ValidationError("not a time zone of the IANA database", code="invalid_timezone")
        return name


class LocaleField(TextField):
    """A language tag (BCP 47), such as pt-BR."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is not formed like a language tag."""
        tag = super().to_internal_value(data)
        if len(tag) > 35 or not LANGUAGE_TAG.fullmatch(tag):
            raise serializers.ValidationError("not a language tag", code="invalid_locale")
        return tag


class InstantField(serializers.DateTimeField):
    """A point in time (RFC 3339): its offset from UTC is part of it."""

    def enforce_timezone(self, value: datetime) -> datetime:
        """Refuse a time without offset, which would be another instant for everybody."""
        if value.tzinfo is None:
            raise serializers.ValidationError("say the offset from UTC, such as Z or +02:00", code="no_offset")
        return super().enforce_timezone(value)


class RegisterIn(Strict):
    """A new account."""

    email = AddressField(max_length=254)
    password = PasswordField()
    display_name = TextField(max_length=100, required=False)
    timezone = TimezoneField(required=False)
    locale = LocaleField(required=False)


class LoginIn(Strict):
    """Address and password."""

    email = TextField(max_length=254)
    password = PasswordField()


class RefreshIn(Strict):
    """A refresh token."""

    refresh_token = TextField(max_length=MAX_TOKEN)


class TokenIn(Strict):
    """A token of either kind, as in RFC 7009 and RFC 7662; the hint may be wrong and is not needed."""

    token = TextField(max_length=MAX_TOKEN)
    token_type_hint = TextField(max_length=64, required=False)
    client_id = TextField(max_length=255, required=False)


class PatIn(Strict):
    """A new personal access token."""

    name = TextField(max_length=100, help_text="What it is for, in your words.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPE.split()), allow_empty=False, min_length=1, max_length=32
    )
    expires_at = InstantField(required=False, allow_null=True, help_text="Left out or null: never.")


class PasswordChangeIn(Strict):
    """The password as it is and as it shall be."""

    current_password = PasswordField()
    new_password = PasswordField()


class UserPatchIn(Strict):
    """What a user may change of the account."""

    display_name = TextField(max_length=100)
    timezone = TimezoneField()
    locale = LocaleField()


class UserDeleteIn(Strict):
    """The password, and whether the account goes now or after the waiting time."""

    password = PasswordField()
    erase = serializers.ChoiceField(choices=["now", "later"], default="later")


class UserOut(serializers.Serializer[Any]):
    """An account."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    email = serializers.EmailField()
    display_name = serializers.CharField()
    timezone = serializers.CharField()
    locale = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    erase_at = serializers.DateTimeField(allow_null=True, help_text="When the account will be erased; null: never.")


class GrantOut(serializers.Serializer[Any]):
    """The answer to a sign-in or refresh (RFC 6749)."""

    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()
    refresh_token = serializers.CharField()
    session_id = serializers.UUIDField()
    scope = serializers.CharField()


class SessionOut(serializers.Serializer[Any]):
    """A device on which the user is signed in."""

    id = serializers.UUIDField()
    current = serializers.BooleanField(help_text="Whether this request belongs to it.")
    ip = serializers.CharField()
    user_agent = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class SessionPage(serializers.Serializer[Any]):
    """One page of sessions."""

    items = SessionOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class PatOut(serializers.Serializer[Any]):
    """A personal access token. The token itself is not known any more."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPE.split()))
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="null: never.")
    last_used_at = serializers.DateTimeField(
        allow_null=True, help_text="null: not yet. A use within five minutes of another one may not count."
    )


class PatCreatedOut(PatOut):
    """A new personal access token, and the only time that it is shown."""

    token = serializers.CharField()


class PatPage(serializers.Serializer[Any]):
    """One page of personal access tokens."""

    items = PatOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class EraseOut(serializers.Serializer[Any]):
    """When the account is erased."""

    erase_at = serializers.DateTimeField()


class JwksOut(serializers.Serializer[Any]):
    """A JWK set (RFC 7517)."""

    keys = serializers.ListField(child=serializers.DictField())


def user_data(user: User) -> dict[str, Any]:
    """Render an account."""
    return {name: getattr(user, name) for name in USER_FIELDS}


def user_etag(user: User) -> str:
    """Give the entity tag of an account."""
    return etags.make(user.version)


def grant_data(grant: Grant) -> dict[str, Any]:
    """Render a grant."""
    return {
        "access_token": grant.access_token,
        "token_type": "Bearer",
        "expires_in": grant.expires_in,
        "refresh_token": grant.refresh_token,
        "session_id": grant.session_id,
        "scope": grant.scope,
    }


def session_data(session: Session, current: str) -> dict[str, Any]:
    """Render a session; `current` is the id of the caller's own."""
    names = ("id", "ip", "user_agent", "created_at", "last_seen_at", "expires_at")
    return {**{name: getattr(session, name) for name in names}, "current": str(session.id) == current}


def pat_data(pat: PersonalToken) -> dict[str, Any]:
    """Render a personal token."""
    names = ("id", "name", "scopes", "created_at", "expires_at", "last_used_at")
    return {name: getattr(pat, name) for name in names}
