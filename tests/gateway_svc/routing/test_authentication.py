import time
from typing import Any

import pytest

from gateway_svc.routing.authentication import Authenticator, fetch_keys
from gateway_svc.routing.errors import InvalidToken
from gateway_svc.routing.revocations import RevokedSessions
from libs.contracts.errors import BadGateway, Unavailable
from libs.identity.principal import Principal
from libs.identity.user_tokens import UserTokenVerifier
from tests.gateway_svc.conftest import Headers
from tests.gateway_svc.services import Auth, StaticDirectory, World, answering


@pytest.fixture
async def revoked() -> RevokedSessions:
    sessions = RevokedSessions()
    sessions.add([])
    return sessions


@pytest.fixture
def authenticator(revoked: RevokedSessions) -> Authenticator:
    return Authenticator(UserTokenVerifier(fetch_keys, issuer="micro-todo", audience="micro-todo"), revoked)


def bearer(token: str) -> Headers:
    return [(b"authorization", f"Bearer {token}".encode())]


async def test_a_valid_token_gives_the_principal(authenticator: Authenticator, auth: Auth) -> None:
    expected = Principal("user-1", "session-1", frozenset({"lists:read", "lists:write"}), "token-1")

    assert await authenticator.principal(bearer(auth.token())) == expected
    assert await authenticator.principal([(b"authorization", f"bearer {auth.token()}".encode())]) == expected


async def test_no_token_is_nobody(authenticator: Authenticator) -> None:
    assert await authenticator.principal([]) is None


async def test_asks_for_the_keys_once(authenticator: Authenticator, auth: Auth) -> None:
    for number in range(3):
        await authenticator.principal(bearer(auth.token(f"user-{number}")))

    assert auth.asked == ["/.well-known/jwks.json"]


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1}, {"iss": "other"}, {"aud": "other"}, {"exp": time.time() - 1}, {"sub": None},
    ],
)  # fmt: skip
async def test_refuses_claims_that_do_not_hold(
    authenticator: Authenticator, auth: Auth, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken):
        await authenticator.principal(bearer(auth.token(**changes)))


async def test_refuses_a_token_of_an_unknown_key(authenticator: Authenticator, auth: Auth) -> None:
    stranger = Auth()
    stranger.rotate()

    for token in (stranger.token(), Auth().token(), "nonsense", "", "a.b.c"):
        with pytest.raises(InvalidToken):
            await authenticator.principal(bearer(token))


@pytest.mark.parametrize("headers", [[(b"authorization", b"Basic dTpw")], [*bearer("a"), *bearer("b")]])
async def test_refuses_other_schemes_and_repeats(authenticator: Authenticator, headers: Headers) -> None:
    with pytest.raises(InvalidToken):
        await authenticator.principal(headers)


async def test_refuses_an_ended_session_also_when_the_token_was_verified_before(
    authenticator: Authenticator, auth: Auth, revoked: RevokedSessions
) -> None:
    token = auth.token()
    await authenticator.principal(bearer(token))
    revoked.add(["session-1"])

    with pytest.raises(InvalidToken, match="ended"):
        await authenticator.principal(bearer(token))
    assert await authenticator.principal(bearer(auth.token(session_id="session-2")))


async def test_is_unavailable_while_auth_is(authenticator: Authenticator, directory: StaticDirectory) -> None:
    with pytest.raises(Unavailable):
        await authenticator.principal(bearer(Auth().token()))


async def test_a_broken_key_set_is_a_bad_answer(authenticator: Authenticator, world: World) -> None:
    world.run("auth", answering("200 OK", [], b'{"keys": 7}'))

    with pytest.raises(BadGateway):
        await authenticator.principal(bearer(Auth().token()))
