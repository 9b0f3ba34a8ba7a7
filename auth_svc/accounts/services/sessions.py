"""Sessions: begun by a password, carried on by rotating refresh tokens, ended once."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from auth_svc.accounts import crypto, jwts
from auth_svc.accounts.errors import SessionNotFound
from auth_svc.accounts.models import RefreshToken, Session, User, new_id
from auth_svc.accounts.services import keys, revocations
from auth_svc.accounts.services.devices import Device
from libs.contracts.auth import SessionRevoked
from libs.eventbus import publish

log = structlog.get_logger(__name__)

CLIENT_ID = "micro-todo"
SCOPE = "account lists:read lists:write shares:write tasks:read tasks:write"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client gets at sign-in and at each refresh."""

    access_token: str
    refresh_token: str
    session_id: str
    expires_in: int
    scope: str = SCOPE


def session_begin(*, user: User, device: Device) -> tuple[Session, str]:
    """Make a session and give it with its first refresh token. The caller holds the lock on the user."""
    token = crypto.new_refresh_token()
    expires_at = now() + timedelta(days=settings.SESSION_DAYS)
    session = Session.objects.create(user=user, ip=device.ip, user_agent=device.user_agent, expires_at=expires_at)
    refresh_token_add(session=session, token=token)
    return session, token


def refresh_token_add(*, session: Session, token: str) -> None:
    """Store a refresh token of `session`: it never outlives it."""
    idle = now() + timedelta(days=settings.REFRESH_TOKEN_DAYS)
    expires_at = min(idle, session.expires_at)
    RefreshToken.objects.create(digest=crypto.digest(token), session=session, expires_at=expires_at)


def grant_make(*, session: Session, refresh_token: str) -> Grant:
    """Sign an access token (RFC 9068) and give it with the refresh token."""
    key = keys.keys_ensure()
    issued_at = int(now().timestamp())
    claims = {
        "iss": settings.TOKEN_ISSUER,
        "aud": settings.TOKEN_AUDIENCE,
        "sub": str(session.user_id),
        "sid": str(session.id),
        "jti": str(new_id()),
        "client_id": CLIENT_ID,
        "scope": SCOPE,
        "iat": issued_at,
        "auth_time": int(session.created_at.timestamp()),
        "exp": issued_at + settings.ACCESS_TOKEN_SECONDS,
    }
    access_token = jwts.sign(claims, keys.private_key(key), key.kid)
    return Grant(access_token, refresh_token, str(session.id), settings.ACCESS_TOKEN_SECONDS)


def session_end(*, user_id: UUID | str, session_id: UUID | str, reason: str) -> None:
    """End one session of a user; SessionNotFound where there is no such live one."""
    with transaction.atomic():
        if not sessions_end(user_id=user_id, reason=reason, only=session_id):
            raise SessionNotFound


def sessions_end(*, user_id: UUID | str, reason: str, only: UUID | str = "", keep: UUID | str = "") -> int:
    """End the live sessions of a user (`only` one, or all but `keep`), and give how many did.

    Rows are locked in one order everywhere: user, sessions, refresh tokens, clock, personal tokens.
    """
    with transaction.atomic():
        User.objects.select_for_update().filter(pk=user_id).first()
        live = Session.objects.filter(user_id=user_id, ended_at=None)
        live = live.filter(pk=only) if only else live.exclude(pk=keep) if keep else live
        ended = [session.id for session in live.select_for_update().order_by("id")]
        if ended:
            live.update(ended_at=now(), end_reason=reason)
            revocations.revocations_add(session_ids=ended)
        for session_id in ended:
            publish(SessionRevoked(session_id=str(session_id), user_id=str(user_id), reason=reason))
    if ended:
        log.info("sessions ended", count=len(ended), reason=reason, user_id=str(user_id))
    return len(ended)
