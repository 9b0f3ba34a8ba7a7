"""Requests that are there as a whole, on their way without a task."""

import asyncio
import threading
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gateway_svc.routing import envelope
from gateway_svc.routing.application import Gateway
from gateway_svc.routing.upstream import Upstream
from tests.gateway_svc.conftest import Headers, http_scope
from tests.gateway_svc.line import Line
from tests.gateway_svc.services import Auth, Echo, StaticDirectory, World, answering

MIB = 1024 * 1024


class Held:
    """A service that answers when it is let."""

    def __init__(self) -> None:
        self.entered, self.released = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.entered.set()
        assert self.released.wait(5)
        start_response("200 OK", [])
        return [b"late"]


def line(method: str = "GET", headers: Headers | None = None, body: bytes = b"", path: str = "/v1/lists") -> Line:
    length = [(b"content-length", b"%d" % len(body))] if body else []
    return Line(http_scope(method, path, [*length, *(headers or [])]), body)


def counted(status: int) -> float:
    labels = {"service": "todo", "route": "/v1/lists", "method": "GET", "status": str(status)}
    return REGISTRY.get_sample_value("mt_gateway_requests_total", labels) or 0


async def entered(held: Held) -> None:
    assert await asyncio.to_thread(held.entered.wait, 5)


def idle(upstream: Upstream) -> bool:
    service = upstream.services["todo"]
    return not service.in_flight and not any(record.in_flight for record in service.records.values())


async def test_a_request_needs_no_task(gateway: Gateway, todo: Echo) -> None:
    some = line("POST", body=b"abc")

    assert gateway.pipeline.take(some.cycle)
    assert (await some.answer())[::2] == (200, b"POST /v1/lists")
    assert todo.last["body"] == b"abc"
    assert some.task is None
    assert idle(gateway.upstream)


async def test_a_token_that_was_never_seen_takes_asking(gateway: Gateway, todo: Echo, auth: Auth) -> None:
    token = [(b"authorization", f"Bearer {auth.token()}".encode())]

    assert not gateway.pipeline.take(line(headers=token).cycle)


@pytest.mark.parametrize("path", ["/docs", "/v1/openapi.json"])
async def test_own_pages_are_left_to_a_task(gateway: Gateway, path: str) -> None:
    assert not gateway.pipeline.take(line(path=path).cycle)


async def test_a_refusal_comes_behind_the_reading_of_its_request(gateway: Gateway) -> None:
    some = line(path="/nowhere")

    assert gateway.pipeline.take(some.cycle)
    assert not some.cycle.response_started
    assert (await some.answer())[0] == 404


async def test_another_instance_is_tried_where_the_first_gives_no_answer(
    gateway: Gateway, world: World, directory: StaticDirectory
) -> None:
    world.kill(world.run("todo", Echo(), routes=("/v1/lists",)))
    directory.begin(world.run("todo", Echo(), routes=("/v1/lists",)))  # the one with less load is picked first
    some = line("POST")

    assert gateway.pipeline.take(some.cycle)
    assert (await some.answer())[0] == 200
    assert directory.ended == [("todo-1", False), ("todo-2", True)]
    assert idle(gateway.upstream)


async def test_an_answer_too_large_for_a_frame_is_collected(gateway: Gateway, world: World) -> None:
    body = bytes(range(256)) * (3 * MIB // 256)
    world.run("todo", answering("200 OK", [], body), routes=("/v1/lists",))
    some = line()

    assert gateway.pipeline.take(some.cycle)
    assert (await some.answer())[2] == body


async def test_a_client_that_leaves_is_told_to_the_service_and_counted(gateway: Gateway, world: World) -> None:
    held, before = Held(), counted(499)
    world.run("todo", held, routes=("/v1/lists",))
    some = line()
    gateway.pipeline.take(some.cycle)
    await entered(held)

    some.leave()

    assert idle(gateway.upstream)
    assert counted(499) == before + 1
    held.released.set()


async def test_a_client_that_leaves_while_its_answer_is_collected_ends_that(gateway: Gateway, world: World) -> None:
    world.run("todo", answering("200 OK", [], b"x" * 3 * MIB), routes=("/v1/lists",))
    some = line()
    some.flow.write_paused = True
    gateway.pipeline.take(some.cycle)
    await some.until_in_a_task()

    some.leave()
    some.read()

    assert some.task is not None
    await asyncio.wait_for(some.task, 5)
    assert idle(gateway.upstream)


async def test_who_reads_slowly_gets_more_when_the_first_has_been_read(gateway: Gateway, todo: Echo) -> None:
    some = line()
    some.flow.write_paused = True
    gateway.pipeline.take(some.cycle)
    await some.until_in_a_task()
    assert not some.cycle.response_started

    some.read()

    assert (await some.answer())[::2] == (200, b"GET /v1/lists")


async def test_a_mistake_of_ours_is_a_500(
    gateway: Gateway, todo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(gateway.upstream, "open", lambda *_: 1 / 0)
    some = line()

    assert gateway.pipeline.take(some.cycle)
    assert (await some.answer())[0] == 500


async def test_a_mistake_of_ours_with_an_answer_is_a_500_of_one_request(
    gateway: Gateway, todo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(envelope, "returning", lambda _: 1 / 0)
        some = line()
        assert gateway.pipeline.take(some.cycle)
        assert (await some.answer())[0] == 500

    assert idle(gateway.upstream)
    some = line()
    assert gateway.pipeline.take(some.cycle)
    assert (await some.answer())[0] == 200


async def test_a_mistake_of_ours_with_the_sending_leaves_nothing_in_flight(
    gateway: Gateway, todo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.upstream, "send", lambda *_: 1 / 0)
    some = line()

    assert gateway.pipeline.take(some.cycle)
    assert (await some.answer())[0] == 500
    assert idle(gateway.upstream)
