"""Accounts: registered, changed by their owner, erased at once or after a time in which the owner can keep them."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from auth_svc.accounts import selectors
from auth_svc.accounts.errors import EmailTaken, InvalidToken
from auth_svc.accounts.models import User, email_key
from auth_svc.accounts.services import passwords, pats, sessions
from auth_svc.accounts.services.devices import Device
from libs.contracts.auth import UserDeleted, UserEvent, UserRegistered, UserUpdated
from libs.contracts.event import Changes
from libs.eventbus import publish

log = structlog.get_logger(__name__)


def user_register(*, email: str, password: str, display_name: str, timezone: str, locale: str) -> User:
    """Make an account; WeakPassword or EmailTaken. A missing name is the part of the address before the @."""
    name = display_name or email.rpartition("@")[0]
    user = User(email=email, email_key=email_key(email), display_name=name[:100], timezone=timezone, locale=locale)
    passwords.password_validate(password=password, user=user, pointer="/password")
    if selectors.user_by_email(email) is not None:
        raise EmailTaken
    user.password = make_password(password)
    user.updated_at = user.created_at
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            _publish(UserRegistered, user)
    except IntegrityError:
        raise EmailTaken from None
    log.info("user registered", user_id=str(user.id))
    return user


def user_update(*, user: User, values: Mapping[str, Any], guard: Callable[[User], None]) -> User:
    """Change name, time zone or locale. `guard` sees the locked account first and may refuse."""
    with transaction.atomic():
        locked = _locked(user)
        guard(locked)
        changes = _changed(locked, values)
        if changes:
            locked.touch()
            locked.save(update_fields=[*changes, "version", "updated_at"])
            _publish(UserUpdated, locked, changes)
    return locked


def user_delete(*, user: User, password: str, at_once: bool, device: Device) -> datetime:
    """End all sessions and personal tokens, and erase the account at once, or later; give the time of the erasure."""
    passwords.password_confirm(user=user, password=password, device=device, pointer="/password")
    with transaction.atomic():
        locked = passwords.unchanged(user=user, pointer="/password")
        _sign_out(locked)
        if at_once:
            _erase(locked)
            return now()
        if locked.erase_at is None:
            _set_erase_at(locked, now() + timedelta(days=settings.ERASE_AFTER_DAYS))
        return locked.erase_at or now()


def user_keep(*, user: User) -> User:
    """Take a planned erasure back; where none is planned nothing changes."""
    with transaction.atomic():
        locked = _locked(user)
        if locked.erase_at is not None:
            _set_erase_at(locked, None)
            log.info("account kept", user_id=str(locked.id))
    return locked


def users_erase_due() -> int:
    """Erase the accounts whose time has come, each in its own transaction; give how many."""
    due = list(User.objects.filter(erase_at__lte=now()).order_by("erase_at").values_list("pk", flat=True))
    return sum(_erase_if_due(pk) for pk in due)


def _erase_if_due(pk: UUID) -> bool:
    with transaction.atomic():
        user = User.objects.select_for_update().filter(pk=pk, erase_at__lte=now()).first()
        if user is not None:
            _sign_out(user)
            _erase(user)
    return user is not None


def _sign_out(user: User) -> None:
    sessions.sessions_end(user_id=user.id, reason="account_deleted")
    pats.pats_end(user_id=user.id, reason="account_deleted")


def _erase(user: User) -> None:
    _publish(UserDeleted, user)
    log.info("account erased", user_id=str(user.id))
    user.delete()


def _set_erase_at(user: User, at: datetime | None) -> None:
    user.erase_at = at
    user.touch()
    user.save(update_fields=["erase_at", "version", "updated_at"])


def _locked(user: User) -> User:
    locked = User.objects.select_for_update().filter(pk=user.pk).first()
    if locked is None:
        raise InvalidToken
    return locked


def _changed(user: User, values: Mapping[str, Any]) -> Changes:
    changes: Changes = {}
    for name, value in values.items():
        before = getattr(user, name)
        if before != value:
            setattr(user, name, value)
            changes[name] = {"from": before, "to": value}
    return changes


def _publish(fact: type[UserEvent], user: User, changes: Changes | None = None) -> None:
    user_id = str(user.id)
    event = fact(user_id=user_id, email=user.email, display_name=user.display_name, changes=changes or {})
    publish(event, actor_id=user_id)
