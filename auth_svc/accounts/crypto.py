"""Secrets: keys derived from SECRET_KEY, sealing of what must be readable again, and refresh tokens.

Nothing here touches the database. SECRET_KEY_FALLBACKS open what an earlier secret sealed.
"""

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

REFRESH_PREFIX = "mtr_"


@lru_cache(maxsize=16)
def derived_key(secret: str, purpose: str) -> bytes:
    """Derive 32 bytes for one purpose from a secret (HKDF, RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=f"micro-todo auth {purpose}".encode()).derive(secret.encode())


def seal(plain: bytes) -> str:
    """Encrypt and authenticate `plain` for storage."""
    return _fernet().encrypt(plain).decode()


def unseal(sealed: str) -> bytes:
    """Open what `seal` made; cryptography's InvalidToken where another secret sealed it."""
    return _fernet().decrypt(sealed)


def new_refresh_token() -> str:
    """Make the first refresh token of a session: 256 random bits."""
    return REFRESH_PREFIX + secrets.token_urlsafe(32)


def successor(token: str) -> str:
    """Give the refresh token that follows `token`: always the same one, and only this server can tell it."""
    key = derived_key(settings.SECRET_KEY, "refresh successor")
    return REFRESH_PREFIX + _base64url(hmac.digest(key, token.encode(), "sha256"))


def digest(text: str) -> str:
    """Give the SHA-256 under which a token is stored. Tokens have 256 random bits, so no salt is needed."""
    return hashlib.sha256(text.encode()).hexdigest()


def _fernet() -> MultiFernet:
    every = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(derived_key(secret, "sealing"))) for secret in every])


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
