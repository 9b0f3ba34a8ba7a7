"""Access tokens of users: RFC 9068 JWTs, verified with Auth's JWKS.

Only allow-listed algorithms and the type `at+jwt` pass (RFC 8725). An unknown `kid` makes one refetch of the keys,
then the fetch pauses, so that made-up key ids cannot be used to flood Auth.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from libs.identity.principal import Principal

ALGORITHMS = ("ES256", "EdDSA", "RS256")
REFETCH_PAUSE = 30.0
CACHE_SIZE = 10_000

#: Gives the JWKS document of Auth; raises what it likes when Auth can't be reached.
FetchKeys = Callable[[], Mapping[str, Any]]


class InvalidAccessToken(Exception):
    """The token is malformed, expired, for somebody else, or not signed by a known key."""


class UserTokenVerifier:
    """Verifies access tokens and remembers verified ones until they expire. Thread-safe."""

    def __init__(self, fetch_keys: FetchKeys, *, issuer: str, audience: str) -> None:
        """Take the keys from `fetch_keys`, called at the first token and at unknown key ids."""
        self._fetch_keys = fetch_keys
        self._issuer = issuer
        self._audience = audience
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._verified: dict[str, tuple[Principal, float]] = {}

    def cached(self, token: str) -> Principal | None:
        """Give the principal of a token verified before and not expired, without any I/O."""
        known = self._verified.get(token)
        return known[0] if known and known[1] > time.time() else None

    def verify(self, token: str) -> Principal:
        """Give the principal of a valid token; InvalidAccessToken for any other; what `fetch_keys` raises passes."""
        known = self.cached(token)
        if known is not None:
            return known
        principal, expires = self._check(token)
        if len(self._verified) >= CACHE_SIZE:
            self._verified.clear()
        self._verified[token] = (principal, expires)
        return principal

    def refresh(self) -> None:
        """Fetch the keys now: another key signs, or one was withdrawn."""
        document = self._fetch_keys()
        keys = {}
        for item in document["keys"]:
            if item.get("alg") in ALGORITHMS:
                keys[item["kid"]] = jwt.PyJWK(item)
        with self._lock:
            self._keys, self._fetched_at = keys, time.monotonic()
            self._verified.clear()

    def _check(self, token: str) -> tuple[Principal, float]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise InvalidAccessToken("not a token") from error
        if str(header.get("typ", "")).lower() not in ("at+jwt", "application/at+jwt"):
            raise InvalidAccessToken("not an access token")
        key = self._key(str(header.get("kid", "")))
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]},
            )
        except jwt.PyJWTError as error:
            raise InvalidAccessToken(str(error)) from error
        scopes = frozenset(str(claims.get("scope", "")).split())
        principal = Principal(str(claims["sub"]), str(claims.get("sid", "")), scopes, str(claims["jti"]))
        return principal, float(claims["exp"])

    def _key(self, kid: str) -> jwt.PyJWK:
        key = self._keys.get(kid)
        if key is None and time.monotonic() - self._fetched_at > REFETCH_PAUSE:
            self.refresh()
            key = self._keys.get(kid)
        if key is None:
            raise InvalidAccessToken("not signed by a known key")
        return key
