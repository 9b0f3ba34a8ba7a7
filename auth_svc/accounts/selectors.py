"""Reading: accounts, sessions, personal tokens, published keys, and what gateways ask for."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from auth_svc.accounts import crypto, jwts
from auth_svc.accounts.errors import InvalidToken, PatNotFound
from auth_svc.accounts.models import (
    PersonalToken,
    RefreshToken,
    Revocation,
    RevocationClock,
    Session,
    SigningKey,
    User,
    email_key,
)
from libs.identity import personal_tokens
from libs.identity.principal import Principal


@dataclass(frozen=True, slots=True)
class Revocations:
    """Ended sessions and personal tokens, the version of the keys, and the cursor from which to ask on."""

    session_ids: list[str]
    token_ids: list[str]
    jwks_version: str
    cursor: int


def user_by_email(email: str) -> User | None:
    """Find an account by its address, whatever the case."""
    return User.objects.filter(email_key=email_key(email)).first()


def account(principal: Principal) -> User:
    """Give the caller's account; InvalidToken where it is gone, or the session or personal token ended meanwhile."""
    user = User.objects.filter(pk=principal.user_id).first()
    if user is None:
        raise InvalidToken
    if principal.session_id:
        holds = live_sessions(user.id).filter(pk=principal.session_id).exists()
    else:
        holds = bool(principal.token_id) and live_pats(user.id).filter(pk=principal.token_id).exists()
    if not holds:
        raise InvalidToken
    return user


def live_sessions(user_id: UUID | str) -> QuerySet[Session]:
    """Give the sessions of a user whose tokens hold."""
    return Session.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=now())


def live_pats(user_id: UUID | str) -> QuerySet[PersonalToken]:
    """Give the personal tokens of a user that hold."""
    return PersonalToken.objects.filter(_unexpired(), user_id=user_id)


def pat(user_id: UUID | str, token_id: UUID | str) -> PersonalToken:
    """Give a personal token of a user; PatNotFound where there is no such one."""
    found = live_pats(user_id).filter(pk=token_id).first()
    if found is None:
        raise PatNotFound
    return found


def pat_by_digest(digest: str) -> PersonalToken | None:
    """Find a personal token that holds by the SHA-256 of it."""
    return PersonalToken.objects.filter(_unexpired(), digest=digest).first()


def session_of_token(token: str) -> Session | None:
    """Find the session of a refresh token (used or not) or of a valid access token."""
    known = RefreshToken.objects.select_related("session").filter(digest=crypto.digest(token)).first()
    if known is not None:
        return known.session
    claims = access_claims(token)
    return Session.objects.filter(pk=claims["sid"]).first() if claims else None


def introspection(token: str) -> dict[str, Any]:
    """Describe a token as RFC 7662 does; `{"active": False}` says nothing more."""
    described = _access_description(token) or _refresh_description(token) or _pat_description(token)
    return {"active": True, **described} if described else {"active": False}


def access_claims(token: str) -> dict[str, Any] | None:
    """Give the claims of a valid access token, or None. The session may have ended."""
    keys = [key.public_jwk for key in published_keys()]
    return jwts.verified(token, keys, issuer=settings.TOKEN_ISSUER, audience=settings.TOKEN_AUDIENCE)


def published_keys() -> Sequence[SigningKey]:
    """Give the keys of the JWKS: next, current, and previous ones while their tokens live."""
    kept = Q(state__in=[SigningKey.State.NEXT, SigningKey.State.CURRENT]) | Q(retires_at__gt=now())
    return list(SigningKey.objects.filter(kept).order_by("kid"))


def current_key() -> SigningKey | None:
    """Give the key that signs; None before the first start."""
    return SigningKey.objects.filter(state=SigningKey.State.CURRENT).first()


def jwks_version() -> str:
    """Give a text that changes whenever the JWKS does."""
    shown = ",".join(f"{key.kid}:{key.state}" for key in published_keys())
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


def revocations(after: int | None) -> Revocations:
    """Give what ended after the cursor, or all that matters where there is none or it is not of this store.

    The clock is read first: what commits between the two reads is given now and once more, never left out.
    """
    clock = RevocationClock.objects.values_list("value", flat=True).first() or 0
    start = after if after is not None and after <= clock else 0
    ended = Revocation.objects.filter(sequence__gt=start, expires_at__gt=now()).order_by("sequence")
    rows = list(ended.values_list("session_id", "token_id"))
    session_ids = [str(session_id) for session_id, _ in rows if session_id]
    token_ids = [str(token_id) for _, token_id in rows if token_id]
    return Revocations(session_ids, token_ids, jwks_version(), clock)


def _access_description(token: str) -> dict[str, Any] | None:
    claims = access_claims(token)
    if claims is None or not live_sessions(claims["sub"]).filter(pk=claims["sid"]).exists():
        return None
    return {**claims, "token_type": "Bearer"}


def _refresh_description(token: str) -> dict[str, Any] | None:
    unused = RefreshToken.objects.select_related("session").filter(digest=crypto.digest(token), used_at=None)
    known = unused.filter(expires_at__gt=now()).first()
    if known is None or not known.session.is_live(now()):
        return None
    return {
        "token_type": "refresh_token",
        "sub": str(known.session.user_id),
        "sid": str(known.session_id),
        "iat": int(known.created_at.timestamp()),
        "exp": int(known.expires_at.timestamp()),
    }


def _pat_description(token: str) -> dict[str, Any] | None:
    known = pat_by_digest(personal_tokens.digest(token))
    if known is None:
        return None
    expiry = {"exp": int(known.expires_at.timestamp())} if known.expires_at else {}
    return {
        "token_type": "Bearer",
        "sub": str(known.user_id),
        "jti": str(known.id),
        "scope": known.scope,
        "iat": int(known.created_at.timestamp()),
        **expiry,
    }


def _unexpired() -> Q:
    return Q(expires_at=None) | Q(expires_at__gt=now())
