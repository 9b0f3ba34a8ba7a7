import asyncio
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from gateway_svc.routing import authentication
from gateway_svc.routing.authentication import Allowance, Authenticator, PersonalTokens, credentials, fetch_keys
from gateway_svc.routing.errors import InvalidToken
from gateway_svc.routing.revocations import Revoked
from libs.contracts.errors import BadGateway, Unavailable
from libs.identity import personal_tokens
from libs.identity.principal import Principal
from libs.identity.user_tokens import UserTokenVerifier
from tests.gateway_svc.conftest import Ask, Headers
from tests.gateway_svc.services import Auth, Echo, StaticDirectory, World, answering


@pytest.fixture
async def revoked() -> Revoked:
    sessions = Revoked()
    sessions.add([])
    return sessions


@pytest.fixture
def authenticator(revoked: Revoked) -> Authenticator:
    return Authenticator(
        UserTokenVerifier(fetch_keys, issuer="micro-todo", audience="micro-todo"), PersonalTokens(), revoked
    )


def bearer(token: str) -> Headers:
    return [(b"authorization", f"Bearer {token}".encode())]


async def test_a_valid_token_gives_the_principal(authenticator: Authenticator, auth: Auth) -> None:
    expected = Principal("user-1", "session-1", frozenset({"lists:read", "lists:write"}), "token-1")

    assert await authenticator.principal(auth.token()) == expected


async def test_a_token_that_was_verified_before_is_known_without_asking(
    authenticator: Authenticator, auth: Auth
) -> None:
    token = auth.token()

    assert authenticator.known(token) is None
    assert await authenticator.principal(token) == authenticator.known(token)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_reads_the_token_of_the_header(scheme: str) -> None:
    assert credentials([(b"authorization", f"{scheme}  abc ".encode())]) == "abc"
    assert credentials([(b"accept", b"*/*")]) is None


async def test_asks_for_the_keys_once(authenticator: Authenticator, auth: Auth) -> None:
    for number in range(3):
        await authenticator.principal(auth.token(f"user-{number}"))

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
        await authenticator.principal(auth.token(**changes))


async def test_refuses_a_token_of_an_unknown_key(authenticator: Authenticator, auth: Auth) -> None:
    stranger = Auth()
    stranger.rotate()

    for token in (stranger.token(), Auth().token(), "nonsense", "", "a.b.c"):
        with pytest.raises(InvalidToken):
            await authenticator.principal(token)


@pytest.mark.parametrize("headers", [[(b"authorization", b"Basic dTpw")], [*bearer("a"), *bearer("b")]])
def test_refuses_other_schemes_and_repeats(headers: Headers) -> None:
    with pytest.raises(InvalidToken):
        credentials(headers)


async def test_refuses_an_ended_session_also_when_the_token_was_verified_before(
    authenticator: Authenticator, auth: Auth, revoked: Revoked
) -> None:
    token = auth.token()
    await authenticator.principal(token)
    revoked.add(["session-1"])

    with pytest.raises(InvalidToken, match="ended"):
        await authenticator.principal(token)
    assert await authenticator.principal(auth.token(session_id="session-2"))


async def test_is_unavailable_while_auth_is(authenticator: Authenticator, directory: StaticDirectory) -> None:
    with pytest.raises(Unavailable):
        await authenticator.principal(Auth().token())


async def test_a_broken_key_set_is_a_bad_answer(authenticator: Authenticator, world: World) -> None:
    world.run("auth", answering("200 OK", [], b'{"keys": 7}'))

    with pytest.raises(BadGateway):
        await authenticator.principal(Auth().token())


# -- personal access tokens ----------------------------------------------------------------------------------------


class Asked:
    """Answers questions about personal tokens, and counts them."""

    def __init__(self) -> None:
        self.expires = math.inf
        self.away = False
        self.digests: list[str] = []
        self.valid: dict[str, Principal] = {}
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.now = self.most = 0
        self._lock = threading.Lock()

    def token(self, principal: Principal | None = None) -> str:
        """Make a token: without a principal one that Auth does not know."""
        token = personal_tokens.new_token()
        if principal is not None:
            self.valid[personal_tokens.digest(token)] = principal
        return token

    def __call__(self, digest: str) -> tuple[Principal, float] | None:
        with self._lock:
            self.digests.append(digest)
            self.now += 1
            self.most = max(self.most, self.now)
        assert self.goes_on.wait(10)
        with self._lock:
            self.now -= 1
        if self.away:
            raise Unavailable
        principal = self.valid.get(digest)
        return (principal, self.expires) if principal else None


PRINCIPAL = Principal("user-1", "", frozenset({"lists:read"}), "pat-1")


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
async def pats(asked: Asked) -> PersonalTokens:
    return PersonalTokens(asked)


async def refused(pats: PersonalTokens, token: str) -> None:
    with pytest.raises(InvalidToken, match="personal access token"):
        await pats.verify(token)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.005)


async def test_a_personal_token_gives_a_principal_without_a_session(authenticator: Authenticator, auth: Auth) -> None:
    token = auth.personal_token("lists:read", "tasks:read", expires_at="2099-01-01T00:00:00Z")
    expected = Principal("user-1", "", frozenset({"lists:read", "tasks:read"}), "pat-1")

    assert await authenticator.principal(token) == expected
    assert await authenticator.principal(token) == expected
    assert auth.asked == [f"/internal/v1/pats/{personal_tokens.digest(token)}"]


async def test_an_unknown_or_expired_personal_token_is_refused(authenticator: Authenticator, auth: Auth) -> None:
    for token in (auth.personal_token("lists:read", expires_at="2020-01-01T00:00:00Z"), personal_tokens.new_token()):
        with pytest.raises(InvalidToken):
            await authenticator.principal(token)


async def test_a_deleted_personal_token_is_refused_also_when_it_was_verified_before(
    authenticator: Authenticator, auth: Auth, revoked: Revoked
) -> None:
    token, other = auth.personal_token("lists:read"), auth.personal_token("lists:read")
    await authenticator.principal(token)
    revoked.add(["pat-1"])

    with pytest.raises(InvalidToken, match="deleted"):
        await authenticator.principal(token)
    assert await authenticator.principal(other)


async def test_what_is_not_formed_like_a_personal_token_is_refused_without_asking(
    authenticator: Authenticator, auth: Auth
) -> None:
    mistyped = auth.personal_token("lists:read").swapcase().replace("MTP", "mtp")

    for token in (mistyped, "mtp_", "mtp_" + "x" * 51, "mtp_" + "x" * 5000):
        with pytest.raises(InvalidToken):
            await authenticator.principal(token)
    assert auth.asked == []


async def test_while_auth_is_away_known_personal_tokens_go_on_and_others_wait(
    authenticator: Authenticator, auth: Auth, directory: StaticDirectory
) -> None:
    token, other = auth.personal_token("lists:read"), auth.personal_token("lists:read")
    await authenticator.principal(token)
    directory.update("auth", [])

    assert await authenticator.principal(token)
    with pytest.raises(Unavailable):
        await authenticator.principal(other)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", b"{}"), ("200 OK", b"[]"), ("200 OK", b"no JSON"), ("404 Not Found", b'{"code": "not_found"}'),
        ("403 Forbidden", b"{}"), ("500 Internal Server Error", b"{}"),
        ("200 OK", b'{"token_id": "t", "user_id": "u", "scopes": [], "expires_at": "soon"}'),
    ],
)  # fmt: skip
async def test_a_broken_answer_about_a_personal_token_is_a_bad_answer(
    authenticator: Authenticator, world: World, status: str, body: bytes
) -> None:
    world.run("auth", answering(status, [("Content-Type", "application/problem+json")], body))

    with pytest.raises(BadGateway):
        await authenticator.principal(personal_tokens.new_token())


async def test_a_busy_auth_makes_the_question_unavailable_and_is_asked_again(
    authenticator: Authenticator, world: World, directory: StaticDirectory
) -> None:
    busy = world.run("auth", answering("503 Service Unavailable", []))
    auth = Auth()
    token = auth.personal_token("lists:read")

    with pytest.raises(Unavailable):
        await authenticator.principal(token)
    directory.update("auth", [instance for instance in directory.instances("auth") if instance is not busy])
    world.run("auth", auth)
    assert await authenticator.principal(token)


async def test_through_the_whole_gateway_a_personal_token_works_until_it_is_deleted(
    ask: Ask, auth: Auth, todo: Echo
) -> None:
    token = auth.personal_token("lists:read")

    assert (await ask("GET", "/v1/lists", bearer(token))).status == 200
    assert todo.calls[-1].principal == PRINCIPAL
    auth.delete(token)

    async with asyncio.timeout(1):
        while (await ask("GET", "/v1/lists", bearer(token))).status != 401:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.01)
    assert todo.calls[-1].principal is None
    assert todo.calls[-1].token_error == "the token was deleted"


async def test_requests_at_once_ask_about_a_token_once(pats: PersonalTokens, asked: Asked) -> None:
    known, unknown = asked.token(PRINCIPAL), asked.token()

    assert await asyncio.gather(*(pats.verify(known) for _ in range(20))) == [PRINCIPAL] * 20
    found = await asyncio.gather(*(pats.verify(unknown) for _ in range(20)), return_exceptions=True)
    assert {type(each) for each in found} == {InvalidToken}
    assert asked.digests == [personal_tokens.digest(known), personal_tokens.digest(unknown)]


async def test_a_client_that_goes_away_takes_nobody_elses_answer_with_it(pats: PersonalTokens, asked: Asked) -> None:
    token = asked.token(PRINCIPAL)
    asked.goes_on.clear()
    first, second = asyncio.create_task(pats.verify(token)), asyncio.create_task(pats.verify(token))
    await asyncio.sleep(0)
    first.cancel()
    asked.goes_on.set()

    assert await second == PRINCIPAL
    assert first.cancelled()
    assert len(asked.digests) == 1


async def test_a_token_is_asked_for_again_after_a_while(
    pats: PersonalTokens, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "TRUST_SECONDS", 0.0)
    token = asked.token(PRINCIPAL)
    await pats.verify(token)
    assert pats.cached(token) is None

    monkeypatch.setattr(authentication, "TRUST_SECONDS", 300.0)
    await pats.verify(token)
    assert pats.cached(token) == PRINCIPAL
    assert len(asked.digests) == 2


async def test_a_token_is_not_believed_in_beyond_its_expiry(pats: PersonalTokens, asked: Asked) -> None:
    asked.expires = time.time() + 0.05
    token = asked.token(PRINCIPAL)

    await pats.verify(token)
    assert pats.cached(token) == PRINCIPAL
    await until(lambda: pats.cached(token) is None)
    await refused(pats, token)


async def test_a_wrong_token_is_not_asked_for_again_for_a_while(
    pats: PersonalTokens, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = asked.token()
    for _ in range(3):
        await refused(pats, token)
    assert len(asked.digests) == 1

    monkeypatch.setattr(authentication, "REFUSE_SECONDS", 0.0)
    for token in [asked.token()] * 2:
        await refused(pats, token)
    assert len(asked.digests) == 3


async def test_a_token_that_has_ended_is_refused_once_it_is_asked_for_again(
    pats: PersonalTokens, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "TRUST_SECONDS", 0.0)
    token = asked.token(PRINCIPAL)
    await pats.verify(token)
    asked.valid.clear()

    for _ in range(2):
        await refused(pats, token)
    assert len(asked.digests) == 2


async def test_what_could_not_be_asked_is_asked_again(pats: PersonalTokens, asked: Asked) -> None:
    token, asked.away = asked.token(PRINCIPAL), True
    with pytest.raises(Unavailable):
        await pats.verify(token)

    asked.away = False
    assert await pats.verify(token) == PRINCIPAL


async def test_guesses_do_not_flood_auth(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "GUESSES", 3)
    monkeypatch.setattr(authentication, "GUESSES_PER_SECOND", 0.001)
    monkeypatch.setattr(authentication, "TRUST_SECONDS", 0.0)
    pats = PersonalTokens(asked)
    known = [asked.token(PRINCIPAL) for _ in range(10)]
    for token in known:
        await pats.verify(token)
    for _ in range(3):
        await refused(pats, asked.token())

    for token in (asked.token(), asked.token(PRINCIPAL)):
        with pytest.raises(Unavailable) as caught:
            await pats.verify(token)
        assert caught.value.retry_after
    assert len(asked.digests) == 13
    for token in known:  # those seen before go on
        await pats.verify(token)
    assert len(asked.digests) == 23


async def test_few_questions_are_asked_at_the_same_time(pats: PersonalTokens, asked: Asked) -> None:
    tokens = [asked.token(PRINCIPAL) for _ in range(20)]
    asked.goes_on.clear()
    verifying = [asyncio.create_task(pats.verify(token)) for token in tokens]
    await until(lambda: asked.now == authentication.QUESTIONS)
    asked.goes_on.set()

    assert await asyncio.gather(*verifying) == [PRINCIPAL] * 20
    assert asked.most == authentication.QUESTIONS


async def test_nobody_waits_long_for_an_auth_that_hangs(
    pats: PersonalTokens, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "AUTH_TIMEOUT", 0.05)
    asked.goes_on.clear()
    hanging = [asyncio.create_task(pats.verify(asked.token(PRINCIPAL))) for _ in range(authentication.QUESTIONS)]
    await until(lambda: asked.now == authentication.QUESTIONS)
    with pytest.raises(Unavailable):
        await pats.verify(asked.token(PRINCIPAL))

    asked.goes_on.set()
    assert await asyncio.gather(*hanging) == [PRINCIPAL] * authentication.QUESTIONS
    assert await pats.verify(asked.token(PRINCIPAL)) == PRINCIPAL


async def test_no_more_tokens_are_remembered_than_there_is_room_for(
    pats: PersonalTokens, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "CACHE_SIZE", 2)
    known, unknown = [asked.token(PRINCIPAL) for _ in range(3)], [asked.token() for _ in range(3)]
    for token in known:
        await pats.verify(token)
    for token in unknown:
        await refused(pats, token)

    assert [pats.cached(token) is not None for token in known] == [False, True, True]
    for token in unknown[::-1]:
        await refused(pats, token)
    assert len(asked.digests) == 7


async def test_the_token_that_was_verified_longest_ago_is_forgotten_first(
    pats: PersonalTokens, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "CACHE_SIZE", 2)
    first, second, third = (asked.token(PRINCIPAL) for _ in range(3))
    for token in (first, second, second):
        await pats.verify(token)
    assert [pats.cached(token) is not None for token in (first, second)] == [True, True]

    for token in (first, third):
        await pats.verify(token)
    assert [pats.cached(token) is not None for token in (first, second, third)] == [True, False, True]


def test_an_allowance_fills_again_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 50.0
    monkeypatch.setattr(authentication.time, "monotonic", lambda: now)
    allowance = Allowance(2, 10)

    assert [allowance.take() for _ in range(3)] == [True, True, False]
    now += 0.11
    assert [allowance.take() for _ in range(2)] == [True, False]
    allowance.give_back()
    assert allowance.take()
    now += 1000
    assert [allowance.take() for _ in range(3)] == [True, True, False]
