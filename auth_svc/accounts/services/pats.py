"""Personal access tokens: made by a signed-in user for programs, and ended by deletion, expiry or the account's end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from auth_svc.accounts import selectors
from auth_svc.accounts.errors import PatNotFound, TooManyPats, UnknownToken
from auth_svc.accounts.models import PersonalToken, User
from auth_svc.accounts.services import revocations
from libs.contracts.errors import FieldError, ValidationFailed
from libs.identity import personal_tokens
from libs.identity.principal import Principal

log = structlog.get_logger(__name__)

MAX_PER_USER = 50
#: `last_used_at` is not written more often.
USE_NOTED_EVERY = timedelta(minutes=1)


def pat_create(
    *, principal: Principal, name: str, scopes: Sequence[str], expires_at: datetime | None
) -> tuple[PersonalToken, str]:
    """Make a token of the caller's and give it with its row: nobody can tell it later. TooManyPats above the limit."""
    _check_scopes(scopes, principal)
    if expires_at is not None and expires_at <= now():
        raise ValidationFailed.of("/expires_at", "not_in_future", "this time has passed")
    token = personal_tokens.new_token()
    with transaction.atomic():
        # The account is looked at under its lock: one that is deleted meanwhile must not get a token that stays.
        User.objects.select_for_update().filter(pk=principal.user_id).first()
        user = selectors.account(principal)
        if selectors.live_pats(user.id).count() >= MAX_PER_USER:
            raise TooManyPats
        pat = PersonalToken.objects.create(
            user=user,
            digest=personal_tokens.digest(token),
            name=name,
            scope=" ".join(sorted(set(scopes))),
            expires_at=expires_at,
        )
    log.info("personal token made", user_id=str(user.id), token_id=str(pat.id), scope=pat.scope)
    return pat, token


def pat_end(*, user_id: UUID | str, token_id: UUID | str, reason: str) -> None:
    """End one token of a user; PatNotFound where there is no such one."""
    if not pats_end(user_id=user_id, reason=reason, only=token_id):
        raise PatNotFound


def pats_end(*, user_id: UUID | str, reason: str, only: UUID | str = "") -> int:
    """End the tokens of a user (`only` one), and give how many did. The user's lock puts parallel ends in a row."""
    with transaction.atomic():
        User.objects.select_for_update().filter(pk=user_id).first()
        live = selectors.live_pats(user_id)
        live = live.filter(pk=only) if only else live
        ended = list(live.order_by("id").values_list("pk", flat=True))
        if ended:
            revocations.revocations_add(token_ids=ended)
            PersonalToken.objects.filter(pk__in=ended).delete()
    if ended:
        log.info("personal tokens ended", count=len(ended), reason=reason, user_id=str(user_id))
    return len(ended)


def pat_use(*, digest: str) -> PersonalToken:
    """Give the token of a digest to a gateway, and note the use at most once a minute; UnknownToken for any other."""
    pat = selectors.pat_by_digest(digest)
    if pat is None:
        raise UnknownToken
    at = now()
    if pat.last_used_at is None or pat.last_used_at <= at - USE_NOTED_EVERY:
        long_ago = Q(last_used_at=None) | Q(last_used_at__lte=at - USE_NOTED_EVERY)
        PersonalToken.objects.filter(long_ago, pk=pat.pk).update(last_used_at=at)
    return pat


def _check_scopes(scopes: Sequence[str], principal: Principal) -> None:
    text = "you do not have this scope yourself"
    missing = [
        FieldError(f"/scopes/{place}", "scope_not_granted", text)
        for place, scope in enumerate(scopes)
        if scope not in principal.scopes
    ]
    if missing:
        raise ValidationFailed(text, errors=missing)
