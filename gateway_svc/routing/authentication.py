"""Who the user is: the access token is verified with Auth's keys, and its session must not have ended."""

import asyncio
from typing import Any

from gateway_svc.routing.errors import InvalidToken
from gateway_svc.routing.headers import values
from gateway_svc.routing.revocations import RevokedSessions
from libs.contracts.errors import BadGateway
from libs.discovery import ServiceClient
from libs.identity.principal import Principal
from libs.identity.user_tokens import InvalidAccessToken, UserTokenVerifier
from libs.rpc.messages import RawHeaders

JWKS_TIMEOUT = 3.0


class Authenticator:
    """Turns the Authorization header into a Principal. Whether one is needed is the service's to decide."""

    def __init__(self, verifier: UserTokenVerifier, revoked: RevokedSessions) -> None:
        """Verify with `verifier`, and refuse the sessions of `revoked`."""
        self._verifier = verifier
        self._revoked = revoked

    async def principal(self, headers: RawHeaders) -> Principal | None:
        """Give the user, None without a token; InvalidToken for a bad one, Unavailable while Auth can't be asked."""
        given = values(headers, b"authorization")
        if not given:
            return None
        scheme, _, token = given[0].decode("latin-1").partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer":
            raise InvalidToken("send one `Authorization: Bearer` header")
        principal = await self._verified(token.strip())
        await self._revoked.wait_until_known()
        if principal.session_id in self._revoked:
            raise InvalidToken("the session has ended")
        return principal

    async def _verified(self, token: str) -> Principal:
        known = self._verifier.cached(token)
        if known is not None:
            return known
        try:
            return await asyncio.to_thread(self._verifier.verify, token)
        except InvalidAccessToken as error:
            raise InvalidToken(f"the access token is not valid: {error}") from error


def fetch_keys() -> dict[str, Any]:
    """Ask Auth for its JWKS."""
    answer = ServiceClient("auth").get("/.well-known/jwks.json", timeout=JWKS_TIMEOUT).raise_for_status()
    try:
        document: dict[str, Any] = answer.json()
        assert isinstance(document["keys"], list)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise BadGateway("auth gave no valid key set") from error
    return document
