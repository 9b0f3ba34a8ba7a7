"""Rate limits as clients of the whole pipeline meet them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway_svc.routing.application import Gateway
from tests.gateway_svc.conftest import Ask
from tests.gateway_svc.services import Auth, Echo, StaticDirectory


@pytest.fixture
async def gateway(directory: StaticDirectory, settings: Any) -> AsyncIterator[Gateway]:
    settings.GATEWAY_RATE_ADDRESS, settings.GATEWAY_RATE_USER = "2/minute", "3/minute"
    running = Gateway()
    await running.start()
    yield running
    await running.stop()


async def test_one_too_many_is_429_and_says_when_to_come_back(ask: Ask, todo: Echo) -> None:
    replies = [await ask("GET", "/v1/lists") for _ in range(3)]

    assert [reply.status for reply in replies] == [200, 200, 429]
    refused = replies[2]
    assert refused["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "rate_limited"
    assert refused.json()["violated-policies"] == ["address"]
    assert 1 <= int(refused["retry-after"]) <= 30
    assert len(todo.environs) == 2


async def test_every_answer_tells_what_is_left(ask: Ask, todo: Echo) -> None:
    first, second = [await ask("GET", "/v1/lists") for _ in range(2)]

    assert first["ratelimit-policy"] == '"address";q=2;w=60'
    assert [reply["ratelimit"].split(";")[1] for reply in (first, second)] == ["r=1", "r=0"]


async def test_a_user_is_counted_by_name_and_not_by_address(ask: Ask, auth: Auth, todo: Echo) -> None:
    headers = [(b"authorization", b"Bearer " + auth.token().encode())]

    replies = [await ask("GET", "/v1/lists", headers) for _ in range(4)]

    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert replies[3].json()["violated-policies"] == ["user"]


async def test_the_gateways_own_pages_are_counted(ask: Ask) -> None:
    assert [(await ask("GET", "/docs")).status for _ in range(3)] == [200, 200, 429]


async def test_a_preflight_is_not(ask: Ask, todo: Echo) -> None:
    headers = [(b"origin", b"https://app.example"), (b"access-control-request-method", b"GET")]

    assert [(await ask("OPTIONS", "/v1/lists", headers)).status for _ in range(3)] == [204, 204, 204]
