"""Who the user is: access tokens are verified with Auth's keys, personal ones by asking Auth; none must have ended.

What was verified before costs neither I/O nor a lock. Everything but the asking itself lives on the event loop.
"""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from gateway_svc.routing.errors import InvalidToken
from gateway_svc.routing.headers import values
from gateway_svc.routing.revocations import Revoked
from libs.contracts.errors import BadGateway
from libs.discovery import ServiceClient
from libs.identity import personal_tokens
from libs.identity.principal import Principal
from libs.identity.user_tokens import InvalidAccessToken, UserTokenVerifier
from libs.rpc.messages import RawHeaders
from libs.rpc.status import unavailable

T = TypeVar("T")

AUTH_TIMEOUT = 3.0

#: For so long (seconds) a personal token is believed in without asking again. Auth tells of its end for longer.
TRUST_SECONDS = 300.0
#: For so long one that Auth does not know is refused without asking.
REFUSE_SECONDS = 30.0
#: Tokens remembered, of each kind.
CACHE_SIZE = 10_000

#: Questions to Auth at the same time: threads stay free for the keys and the feed of what has ended.
QUESTIONS = 3
#: Questions about tokens never seen before that turn out wrong, at once and per second: guesses must not flood Auth.
GUESSES = 100
GUESSES_PER_SECOND = 10.0

#: Tells for the digest of a personal token whose it is and when it expires; None where Auth knows none.
AskPat = Callable[[str], tuple[Principal, float] | None]


class Authenticator:
    """Turns the Authorization header into a Principal. Whether one is needed is the service's to decide."""

    def __init__(self, verifier: UserTokenVerifier, pats: "PersonalTokens", revoked: Revoked) -> None:
        """Verify with `verifier` or `pats`, and refuse what is in `revoked`."""
        self._verifier = verifier
        self._pats = pats
        self._revoked = revoked

    def known(self, token: str) -> Principal | None:
        """Give the user of a token that was verified before, None where that takes asking; InvalidToken if it ended."""
        principal = self._cached(token)
        if principal is None or not self._revoked.known:
            return None
        self._check(principal)
        return principal

    async def principal(self, token: str) -> Principal:
        """Give the user; InvalidToken for a bad token, Unavailable while Auth can't be asked."""
        principal = self._cached(token)
        if principal is None:
            principal = await (self._pats.verify(token) if _is_personal(token) else self._verified(token))
        if not self._revoked.known:
            await self._revoked.wait_until_known()
        self._check(principal)
        return principal

    def _cached(self, token: str) -> Principal | None:
        return (self._pats if _is_personal(token) else self._verifier).cached(token)

    def _check(self, principal: Principal) -> None:
        if (principal.session_id or principal.token_id) in self._revoked:
            raise InvalidToken("the session has ended" if principal.session_id else "the token was deleted")

    async def _verified(self, token: str) -> Principal:
        try:
            return await asyncio.to_thread(self._verifier.verify, token)
        except InvalidAccessToken as error:
            raise InvalidToken(f"the access token is not valid: {error}") from error


class PersonalTokens:
    """The personal access tokens that Auth was asked about."""

    def __init__(self, ask: AskPat | None = None) -> None:
        """Ask with `ask`, on a thread; each token once, however many requests wait for the answer."""
        self._ask = ask or ask_auth_for_pat
        self._known: dict[str, tuple[Principal, float]] = {}
        self._refused: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[Principal | None]] = {}
        self._slots = asyncio.Semaphore(QUESTIONS)
        self._guesses = Allowance(GUESSES, GUESSES_PER_SECOND)

    def cached(self, token: str) -> Principal | None:
        """Give the principal of a token that was verified lately and has not expired."""
        known = self._known.get(token)
        return known[0] if known and known[1] > time.time() else None

    async def verify(self, token: str) -> Principal:
        """Give the principal of a valid token; InvalidToken for another, Unavailable while Auth can't be asked."""
        if not personal_tokens.is_well_formed(token) or self._refused.get(token, 0.0) > time.time():
            raise _invalid()
        task = self._asking.get(token)
        if task is None:
            task = self._asking[token] = asyncio.create_task(self._found_out(token))
            task.add_done_callback(lambda _: self._asking.pop(token))
        principal = await asyncio.shield(task)  # a client that goes away takes nobody's answer with it
        if principal is None:
            raise _invalid()
        return principal

    async def _found_out(self, token: str) -> Principal | None:
        new = token not in self._known
        if new and not self._guesses.take():
            raise unavailable("auth")
        found = await self._asked(personal_tokens.digest(token))
        now = time.time()
        if found is None or found[1] <= now:
            _keep(self._refused, token, now + REFUSE_SECONDS)
            return None
        if new:
            self._guesses.give_back()
        principal, expires = found
        _keep(self._known, token, (principal, min(expires, now + TRUST_SECONDS)))
        return principal

    async def _asked(self, digest: str) -> tuple[Principal, float] | None:
        try:
            await asyncio.wait_for(self._slots.acquire(), AUTH_TIMEOUT)
        except TimeoutError:
            raise unavailable("auth") from None
        try:
            return await asyncio.to_thread(self._ask, digest)
        finally:
            self._slots.release()


class Allowance:
    """So many at once, then so many per second."""

    def __init__(self, size: int, per_second: float) -> None:
        """Begin with all of it."""
        self._cost = 1 / per_second
        self._window = size * self._cost
        self._full_at = 0.0

    def take(self) -> bool:
        """Take one, if there is one."""
        now = time.monotonic()
        full_at = max(self._full_at, now) + self._cost
        if full_at > now + self._window:
            return False
        self._full_at = full_at
        return True

    def give_back(self) -> None:
        """Undo one `take`."""
        self._full_at -= self._cost


def credentials(headers: RawHeaders) -> str | None:
    """Give the token of the Authorization header, None where there is none; InvalidToken for anything else."""
    given = values(headers, b"authorization")
    if not given:
        return None
    scheme, _, token = given[0].decode("latin-1").partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer":
        raise InvalidToken("send one `Authorization: Bearer` header")
    return token.strip()


def _is_personal(token: str) -> bool:
    return token.startswith(personal_tokens.PREFIX)


def fetch_keys() -> dict[str, Any]:
    """Ask Auth for its JWKS."""
    answer = ServiceClient("auth").get("/.well-known/jwks.json", timeout=AUTH_TIMEOUT).raise_for_status()
    try:
        document: dict[str, Any] = answer.json()
        assert isinstance(document["keys"], list)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise BadGateway("auth gave no valid key set") from error
    return document


def ask_auth_for_pat(digest: str) -> tuple[Principal, float] | None:
    """Ask Auth whose personal token has this digest. The token itself stays here."""
    answer = ServiceClient("auth").get(f"/internal/v1/pats/{digest}", timeout=AUTH_TIMEOUT)
    if answer.status == 404 and answer.error().code == "unknown_token":
        return None
    if answer.status >= 500:
        raise answer.error()
    try:
        found = answer.json()
        expires = datetime.fromisoformat(found["expires_at"]).timestamp() if found["expires_at"] else math.inf
        return Principal(str(found["user_id"]), "", frozenset(found["scopes"]), str(found["token_id"])), expires
    except (ValueError, KeyError, TypeError) as error:
        raise BadGateway("auth gave no valid answer about a token") from error


def _invalid() -> InvalidToken:
    return InvalidToken("the personal access token is not valid")


def _keep(kept: dict[str, T], token: str, value: T) -> None:
    """Remember something of a token; the oldest is forgotten for it."""
    kept.pop(token, None)
    if len(kept) >= CACHE_SIZE:
        del kept[next(iter(kept))]
    kept[token] = value
