"""Passwords: what makes a good one, whether one is right, and how it is changed."""

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    UserAttributeSimilarityValidator,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.db import transaction

from auth_svc.accounts.errors import WeakPassword, WrongPassword
from auth_svc.accounts.models import User
from auth_svc.accounts.services import sessions, throttle
from auth_svc.accounts.services.devices import Device
from libs.contracts.errors import FieldError

MAX_BYTES = 1024
VALIDATORS = (
    MinimumLengthValidator(min_length=8),
    UserAttributeSimilarityValidator(user_attributes=("email", "display_name")),
    CommonPasswordValidator(),
)


def password_validate(*, password: str, user: User, pointer: str) -> None:
    """Refuse a password that is too short, too long, common, or much like the user's own data (WeakPassword)."""
    if len(password.encode()) > MAX_BYTES:
        text = f"a password has at most {MAX_BYTES} bytes"
        raise WeakPassword(text, errors=[FieldError(pointer, "password_too_long", text)])
    try:
        validate_password(password, user, VALIDATORS)
    except ValidationError as error:
        found = [FieldError(pointer, str(item.code), " ".join(item.messages)) for item in error.error_list]
        raise WeakPassword(" ".join(error.messages), errors=found) from None


def password_matches(*, user: User | None, password: str) -> bool:
    """Tell whether `password` is the user's. An unknown user costs the same time as a known one."""
    if user is None:
        make_password(password)
        return False
    return user.check_password(password)


def password_confirm(*, user: User, password: str, device: Device, pointer: str) -> None:
    """Demand the user's own password before something grave; WrongPassword, counted, where it is not."""
    key = throttle.attempt_count(account=str(user.id), ip=device.ip)
    if not password_matches(user=user, password=password):
        raise WrongPassword.at(pointer)
    throttle.attempts_clear(key=key)


def password_change(*, user: User, current: str, new: str, session_id: str, device: Device) -> None:
    """Set a new password; all sessions but `session_id` end."""
    password_confirm(user=user, password=current, device=device, pointer="/current_password")
    password_validate(password=new, user=user, pointer="/new_password")
    encoded = make_password(new)
    with transaction.atomic():
        locked = unchanged(user=user, pointer="/current_password")
        locked.password = encoded
        locked.touch()
        locked.save(update_fields=["password", "version", "updated_at"])
        sessions.sessions_end(user_id=locked.id, reason="password_changed", keep=session_id)


def unchanged(*, user: User, pointer: str) -> User:
    """Lock the account whose password was just confirmed; WrongPassword where it was changed or erased meanwhile."""
    locked = User.objects.select_for_update().filter(pk=user.pk, password=user.password).first()
    if locked is None:
        raise WrongPassword.at(pointer)
    return locked
