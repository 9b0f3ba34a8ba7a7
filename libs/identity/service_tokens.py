"""Service tokens: short JWTs (EdDSA) that say which service calls which, and detached signatures for Celery tasks.

A token has `iss` = the caller's type, `aud` = the receiver's type, `exp` at most an hour away. The receiver keeps
verified tokens until they expire, so a call costs no signature check. There is no shared secret.
"""

import base64
import binascii
import threading
import time
from pathlib import Path

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from libs.identity.bundle import Bundle
from libs.identity.principal import Caller

ALGORITHM = "EdDSA"
DEFAULT_TTL = 300
MAX_TTL = 3600
CACHE_SIZE = 1024


class TokenError(Exception):
    """A presented token or signature does not verify."""


class KeyFileError(Exception):
    """The service's own key can't be read; the text names the file and the fault."""


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read an Ed25519 key (PEM, PKCS 8) from `path`; KeyFileError where it is missing or another kind."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise KeyFileError(f"{path}: there is no service key; `make secrets` writes one") from None
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileError(f"{path}: not a PEM private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: not an Ed25519 key")
    return key


class ServiceSigner:
    """Signs as one service. Thread-safe; tokens are reused until half of their life is over."""

    def __init__(self, service: str, key: Ed25519PrivateKey) -> None:
        """Sign as `service` with its private `key`."""
        self.service = service
        self._key = key
        self._cached: dict[str, tuple[str, float]] = {}

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The key that others verify with."""
        return self._key.public_key()

    def token(self, audience: str, ttl: int = DEFAULT_TTL) -> str:
        """Make a fresh token for `audience` that lives `ttl` seconds (1 to 3600, else ValueError)."""
        if not 1 <= ttl <= MAX_TTL:
            raise ValueError(f"ttl is 1 to {MAX_TTL} seconds, not {ttl}")
        now = int(time.time())
        claims = {"iss": self.service, "aud": audience, "iat": now, "exp": now + ttl}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self.service})

    def cached_token(self, audience: str) -> str:
        """Give a token for `audience` with at least half of its life left."""
        now = time.time()
        token, renew_at = self._cached.get(audience, ("", 0.0))
        if now >= renew_at:
            token = self.token(audience)
            self._cached[audience] = (token, now + DEFAULT_TTL / 2)
        return token

    def sign(self, payload: bytes) -> str:
        """Sign `payload`: a detached signature (base64url) without expiry."""
        return base64.urlsafe_b64encode(self._key.sign(payload)).decode()


class ServiceVerifier:
    """Verifies what other services signed, for one receiver. Thread-safe."""

    def __init__(self, bundle: Bundle, audience: str) -> None:
        """Accept tokens for `audience` signed by services of `bundle`."""
        self.bundle = bundle
        self.audience = audience
        self._lock = threading.Lock()
        self._verified: dict[str, tuple[Caller, float]] = {}

    def verify(self, token: str) -> Caller:
        """Give the caller of a valid token; TokenError for any other."""
        known = self._verified.get(token)
        if known and known[1] > time.time():
            return known[0]
        caller, expires = self._check(token)
        with self._lock:
            if len(self._verified) >= CACHE_SIZE:
                self._verified.clear()
            self._verified[token] = (caller, expires)
        return caller

    def _check(self, token: str) -> tuple[Caller, float]:
        try:
            service = str(jwt.get_unverified_header(token).get("kid", ""))
        except jwt.PyJWTError as error:
            raise TokenError("not a token") from error
        entry = self.bundle.get(service)
        for key in entry.keys if entry else ():
            try:
                claims = jwt.decode(
                    token,
                    key,
                    algorithms=[ALGORITHM],
                    audience=self.audience,
                    issuer=service,
                    leeway=5,
                    options={"require": ["exp", "iat", "iss", "aud"]},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError as error:
                raise TokenError(str(error)) from error
            if claims["exp"] - claims["iat"] > MAX_TTL:
                raise TokenError(f"the token lives longer than {MAX_TTL} s")
            return Caller.of(service), float(claims["exp"])
        raise TokenError("the token is not signed by a known service")

    def verify_signature(self, service: str, payload: bytes, signature: str) -> None:
        """Check a detached signature of `service` over `payload`; TokenError where it does not hold."""
        try:
            raw = base64.urlsafe_b64decode(signature)
        except (ValueError, binascii.Error) as error:
            raise TokenError("not a signature") from error
        entry = self.bundle.get(service)
        for key in entry.keys if entry else ():
            try:
                key.verify(raw, payload)
            except InvalidSignature:
                continue
            return
        raise TokenError(f"the payload is not signed by {service!r}")
