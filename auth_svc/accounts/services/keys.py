"""Signing keys: made at the first start, rotated by `manage.py rotate_keys`."""

from functools import lru_cache

import structlog
from cryptography.fernet import InvalidToken as SealBroken
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from auth_svc.accounts import crypto, jwts, selectors
from auth_svc.accounts.models import SigningKey, new_id
from auth_svc.accounts.services.revocations import OUTLIVES_TOKENS
from libs.contracts.auth import KeyRotated
from libs.eventbus import publish

log = structlog.get_logger(__name__)


def keys_ensure() -> SigningKey:
    """Give the current key, making it and the next one where there is none. Two instances may do this at once."""
    key = selectors.current_key()
    if key is not None:
        return key
    try:
        with transaction.atomic():
            SigningKey.objects.bulk_create([_new(SigningKey.State.CURRENT), _new(SigningKey.State.NEXT)])
    except IntegrityError:
        log.info("another instance made the signing keys")
    return SigningKey.objects.get(state=SigningKey.State.CURRENT)


def keys_rotate() -> SigningKey:
    """Let the next key sign. The key before it stays published until its last token is dead."""
    keys_ensure()
    with transaction.atomic():
        # Whoever had to wait for the locks must see what was done meanwhile, so the keys are read after them.
        len(SigningKey.objects.select_for_update().order_by("kid"))
        old = SigningKey.objects.get(state=SigningKey.State.CURRENT)
        new = SigningKey.objects.get(state=SigningKey.State.NEXT)
        old.state, old.retires_at = SigningKey.State.PREVIOUS, now() + OUTLIVES_TOKENS
        old.save(update_fields=["state", "retires_at"])
        new.state = SigningKey.State.CURRENT
        new.save(update_fields=["state"])
        _new(SigningKey.State.NEXT).save(force_insert=True)
        publish(KeyRotated(key_id=new.kid))
    return new


def private_key(key: SigningKey) -> jwts.PrivateKey:
    """Open the private half of `key`; ImproperlyConfigured where another SECRET_KEY sealed it."""
    try:
        return _opened(key.private_key)
    except SealBroken:
        raise ImproperlyConfigured(
            "the signing keys were sealed with another secret: restore MT_SECRET_KEY (keys/auth.secret)"
        ) from None


@lru_cache(maxsize=4)
def _opened(sealed: str) -> jwts.PrivateKey:
    return jwts.from_pem(crypto.unseal(sealed))


def _new(state: SigningKey.State) -> SigningKey:
    kid = str(new_id())
    key = jwts.new_private_key()
    sealed = crypto.seal(jwts.to_pem(key))
    return SigningKey(kid=kid, state=state, public_jwk=jwts.public_jwk(key, kid), private_key=sealed)
