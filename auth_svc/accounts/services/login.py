"""Signing in, and staying signed in."""

from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.utils.timezone import now

from auth_svc.accounts import crypto, selectors
from auth_svc.accounts.errors import InvalidCredentials, InvalidToken, RefreshReused
from auth_svc.accounts.models import RefreshToken, Session, User, email_key
from auth_svc.accounts.services import passwords, sessions, throttle
from auth_svc.accounts.services.devices import Device
from auth_svc.accounts.services.sessions import Grant

log = structlog.get_logger(__name__)

#: For so long a used refresh token still gives its successor: parallel calls of one client, and lost answers.
GRACE = timedelta(seconds=15)


def user_login(*, email: str, password: str, device: Device) -> Grant:
    """Begin a session; InvalidCredentials tells not whether the address or the password is wrong."""
    attempts = throttle.attempt_count(account=email_key(email), ip=device.ip)
    user = selectors.user_by_email(email)
    if not passwords.password_matches(user=user, password=password) or user is None:
        log.info("login refused", client_ip=device.ip)
        raise InvalidCredentials
    with transaction.atomic():
        # A password changed since it was checked must not leave a session behind.
        locked = User.objects.select_for_update().filter(pk=user.pk, password=user.password).first()
        if locked is None:
            raise InvalidCredentials
        session, token = sessions.session_begin(user=locked, device=device)
        throttle.attempts_clear(key=attempts)
    log.info("user logged in", user_id=str(user.id), session_id=str(session.id))
    return sessions.grant_make(session=session, refresh_token=token)


def session_refresh(*, token: str, device: Device) -> Grant:
    """Use a refresh token for its successor and a new access token. Reuse after the grace ends the whole family."""
    known = RefreshToken.objects.filter(digest=crypto.digest(token)).first()
    if known is None:
        raise InvalidToken
    with transaction.atomic():
        session = _rotated(known.session_id, token, device)
    if session is None:
        _family_end(known.session_id)
        raise RefreshReused
    return sessions.grant_make(session=session, refresh_token=crypto.successor(token))


def _rotated(session_id: UUID, token: str, device: Device) -> Session | None:
    """Give the session carried on by `token`, or None for a reuse. The session's lock puts parallel calls in a row."""
    session = Session.objects.select_for_update().filter(pk=session_id).first()
    if session is None:
        raise InvalidToken
    if session.ended_at is not None:
        return None
    at = now()
    mine = RefreshToken.objects.filter(digest=crypto.digest(token))
    if mine.filter(used_at=None, expires_at__gt=at).update(used_at=at):
        _carry_on(session, token, device)
        return session
    used_at = mine.values_list("used_at", flat=True).first()
    if used_at is None:
        raise InvalidToken("the refresh token has expired")
    return session if at - used_at <= GRACE else None


def _carry_on(session: Session, token: str, device: Device) -> None:
    sessions.refresh_token_add(session=session, token=crypto.successor(token))
    session.last_seen_at, session.ip, session.user_agent = now(), device.ip, device.user_agent
    session.save(update_fields=["last_seen_at", "ip", "user_agent"])


def _family_end(session_id: UUID) -> None:
    session = Session.objects.filter(pk=session_id).first()
    if session is not None:
        log.warning("refresh token reused", session_id=str(session_id), user_id=str(session.user_id))
        sessions.sessions_end(user_id=session.user_id, reason="refresh_reused", only=session_id)
