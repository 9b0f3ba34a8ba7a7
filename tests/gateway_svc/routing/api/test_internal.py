import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError

from gateway_svc.routing.application import Current, Gateway
from gateway_svc.routing.management.commands import upstreams
from libs.discovery import Instance
from libs.testing.client import BridgeTestClient
from tests.gateway_svc.conftest import Ask
from tests.gateway_svc.services import Echo


@pytest.fixture
def current(gateway: Gateway) -> Iterator[Gateway]:
    Current.gateway = gateway
    yield gateway
    Current.gateway = None


async def test_tells_services_how_upstreams_look(current: Gateway, ask: Ask, todo: Echo) -> None:
    for _ in range(3):
        await ask("GET", "/v1/lists")

    answer = BridgeTestClient().as_service("admin").get("/internal/v1/upstreams")

    (item,) = json.loads(answer.content)["items"]
    assert (item["service"], item["breaker"], item["in_flight"]) == ("todo", "closed", 0)
    (instance,) = item["instances"]
    assert (instance["id"], instance["requests"], instance["failures"]) == ("todo-1", 3, 0)
    assert instance["average_ms"] > 0


@pytest.mark.parametrize("who", ["user", "anonymous", "service"])
def test_tells_nobody_else(who: str) -> None:
    client = BridgeTestClient()
    caller = {"user": client.as_user("u"), "anonymous": client.anonymous(), "service": client.as_service("todo")}[who]

    assert caller.get("/internal/v1/upstreams").status_code in (403, 404)


async def test_cannot_be_reached_from_outside(ask: Ask) -> None:
    assert (await ask("GET", "/internal/v1/upstreams")).status == 404


ITEMS: list[dict[str, Any]] = [
    {
        "service": "todo", "in_flight": 2, "breaker": "half_open", "retries_left": 3, "instances": [{
            "id": "todo-1", "state": "up", "grpc_address": "127.0.0.1:1", "in_flight": 2, "requests": 10,
            "failures": 5, "failures_in_a_row": 5, "ejected_seconds": 29.5, "average_ms": 7.25,
        }],
    }
]  # fmt: skip


def test_a_line_says_what_matters() -> None:
    (row,) = upstreams.rows_of(Instance("gateway", "gateway-1"), ITEMS)

    assert row == ("gateway-1", "todo", "half_open", "3", "todo-1", "up", "2", "10", "5", "29.5 s", "7.2 ms")


def test_a_gateway_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstreams, "TIMEOUT", 0.2)

    with pytest.raises(CommandError, match=r"gateway-1 does not answer at 127.0.0.1:1"):
        upstreams.ask(Instance("gateway", "gateway-1", grpc_address="127.0.0.1:1"))
