import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from gateway_svc.routing.answers import Answer
from gateway_svc.routing.errors import BadTimeout, CircuitOpen, Overloaded
from gateway_svc.routing.forwarding import TrustedProxies
from gateway_svc.routing.head import Heads
from gateway_svc.routing.policies import Policy
from gateway_svc.routing.upstream import Upstream
from gateway_svc.routing.visit import Visit
from libs.contracts.errors import BadGateway, DeadlineExceeded, Unavailable
from libs.rpc import exchange
from libs.rpc.multiplexer import Multiplexer
from libs.service.identity import signer
from tests.gateway_svc.conftest import Headers, http_scope
from tests.gateway_svc.services import Echo, StaticDirectory, World, answering


def visit_of(method: str = "GET", headers: Headers | None = None) -> Visit:
    scope = http_scope(method, "/v1/lists", headers or [])
    visit = Visit(scope, Heads(TrustedProxies([]), "gateway-1").of(scope))
    visit.service, visit.route = "todo", "/v1/lists"
    return visit


class Calling:
    """One upstream and its streams, for several calls."""

    def __init__(self, directory: StaticDirectory, client: Multiplexer, policy: Policy) -> None:
        self.upstream = Upstream(directory, client)
        self._policy = policy

    async def answer(self, visit: Visit) -> Answer:
        return await self.upstream.call(visit, visit.to_request(b""), self._policy)

    async def __call__(self, visit: Visit) -> int:
        return (await self.answer(visit)).status


@asynccontextmanager
async def calling(directory: StaticDirectory, policy: Policy | None = None) -> AsyncIterator[Calling]:
    client = Multiplexer(signer())
    yield Calling(directory, client, policy or Policy(timeout=5.0))
    await client.close()


async def call(directory: StaticDirectory, visit: Visit, seconds: float = 5.0) -> int:
    async with calling(directory, Policy(timeout=seconds)) as send:
        return await send(visit)


async def test_calls_an_instance_and_counts_it(world: World, directory: StaticDirectory) -> None:
    world.run("todo", Echo())
    visit = visit_of()

    assert await call(directory, visit) == 200
    assert (visit.instance, visit.attempts) == ("todo-1", 1)
    assert directory.ended == [("todo-1", True)]


async def test_a_service_without_instances_is_unavailable(directory: StaticDirectory) -> None:
    with pytest.raises(Unavailable) as refused:
        await call(directory, visit_of("POST"))

    assert refused.value.code == "service_unavailable"
    assert refused.value.retry_after == 1
    assert refused.value.extra == {"service": "todo", "retryable": True}


async def one_dead_one_alive(world: World, directory: StaticDirectory) -> None:
    """Leave one instance that does not answer and is picked first, and one that does."""
    dead = world.run("todo", Echo())
    world.kill(dead)
    alive = world.run("todo", Echo())
    directory.begin(alive)  # the one with less load is picked first


@pytest.mark.parametrize(
    ("method", "headers"),
    [("GET", []), ("HEAD", []), ("PUT", []), ("DELETE", []), ("OPTIONS", []), ("POST", [(b"idempotency-key", b"k")])],
)
async def test_tries_another_instance_where_that_is_allowed(
    world: World, directory: StaticDirectory, method: str, headers: Headers
) -> None:
    await one_dead_one_alive(world, directory)
    visit = visit_of(method, headers)

    assert await call(directory, visit) == 200
    assert (visit.instance, visit.attempts) == ("todo-2", 2)
    assert directory.ended == [("todo-1", False), ("todo-2", True)]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_no_instance_has_begun_goes_to_another_whatever_its_method(
    world: World, directory: StaticDirectory, method: str
) -> None:
    await one_dead_one_alive(world, directory)
    visit = visit_of(method)

    assert await call(directory, visit) == 200
    assert (visit.instance, visit.attempts) == ("todo-2", 2)


class Dying:
    """Answers nothing: its process ends while it works."""

    def __init__(self, world: World) -> None:
        self.world, self.calls = world, 0
        self.release = threading.Event()

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.calls += 1
        threading.Thread(target=self.world.servers["todo-1"]._server.stop, args=(0,)).start()  # type: ignore[union-attr]
        self.release.wait(5)
        return []


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_may_have_been_begun_is_never_sent_again_where_it_is_not_idempotent(
    world: World, directory: StaticDirectory, method: str
) -> None:
    dying, alive = Dying(world), Echo()
    world.run("todo", dying)
    directory.begin(world.run("todo", alive))
    visit = visit_of(method)

    with pytest.raises(Unavailable) as refused:
        await call(directory, visit)
    dying.release.set()

    assert (visit.attempts, dying.calls, alive.environs) == (1, 1, [])
    assert refused.value.extra["retryable"] is False


@pytest.mark.parametrize(("method", "headers"), [("GET", []), ("DELETE", []), ("POST", [(b"idempotency-key", b"k")])])
async def test_what_may_have_been_begun_is_sent_again_where_that_does_no_harm(
    world: World, directory: StaticDirectory, method: str, headers: Headers
) -> None:
    dying = Dying(world)
    world.run("todo", dying)
    directory.begin(world.run("todo", Echo()))
    visit = visit_of(method, headers)

    assert await call(directory, visit) == 200
    dying.release.set()
    assert (visit.instance, visit.attempts, dying.calls) == ("todo-2", 2, 1)


async def test_gives_up_after_the_third_instance(world: World, directory: StaticDirectory) -> None:
    for _ in range(4):
        world.kill(world.run("todo", Echo()))
    visit = visit_of()

    with pytest.raises(Unavailable):
        await call(directory, visit)
    assert visit.attempts == 3


async def test_retries_end_with_their_budget(world: World, directory: StaticDirectory) -> None:
    for _ in range(2):
        world.kill(world.run("todo", Echo()))

    async with calling(directory) as send:
        attempts = []
        for _ in range(8):
            visit = visit_of()
            with pytest.raises(Unavailable):
                await send(visit)
            attempts.append(visit.attempts)

    assert attempts == [2, 2, 2, 1, 1, 1, 1, 1]  # three are always allowed, a fifth of eight is less


async def test_an_instance_that_fails_five_times_is_passed_over(
    world: World, directory: StaticDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "log", Mock())

    def silent(environ: Any, start_response: Any) -> list[bytes]:
        raise ValueError

    world.run("todo", silent)
    directory.begin(world.run("todo", Echo()))

    async with calling(directory) as send:
        for _ in range(5):
            with pytest.raises(BadGateway):
                await send(visit_of())
        visit = visit_of()
        assert await send(visit) == 200

    assert visit.instance == "todo-2"


async def test_an_instance_that_was_started_again_is_not_passed_over_for_what_the_one_before_did(
    world: World, directory: StaticDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "log", Mock())

    def silent(environ: Any, start_response: Any) -> list[bytes]:
        raise ValueError

    failing = world.run("todo", silent)
    async with calling(directory) as send:
        for _ in range(5):
            with pytest.raises(BadGateway):
                await send(visit_of())
        service = send.upstream.services["todo"]
        directory.update("todo", [replace(failing, state="down")])
        assert service.ejections.ejected() == {"todo-1"}

        directory.update("todo", [replace(failing, incarnation="made-later")])
        assert service.ejections.ejected() == set()


async def test_the_last_instance_is_asked_though_it_is_ejected(
    world: World, directory: StaticDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "log", Mock())
    answers = iter([ValueError] * 5)

    def recovering(environ: Any, start_response: Any) -> list[bytes]:
        for failure in answers:
            raise failure
        start_response("200 OK", [])
        return []

    world.run("todo", recovering)
    async with calling(directory) as send:
        for _ in range(5):
            with pytest.raises(BadGateway):
                await send(visit_of())
        assert await send(visit_of()) == 200


async def test_a_service_that_only_fails_is_cut_off_until_a_probe_is_answered(
    world: World, directory: StaticDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "log", Mock())  # traces written for people take longer than the window
    well = threading.Event()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        if not well.is_set():
            raise ValueError
        start_response("200 OK", [])
        return []

    world.run("todo", app)
    async with calling(directory) as send:
        for _ in range(20):
            with pytest.raises(BadGateway):
                await send(visit_of())
        with pytest.raises(CircuitOpen) as refused:
            await send(visit_of())
        well.set()
        send.upstream.services["todo"].breaker._until = 0.0
        assert [await send(visit_of()) for _ in range(3)] == [200, 200, 200]

    assert 1 <= (refused.value.retry_after or 0) <= 5
    assert refused.value.extra == {"service": "todo", "retryable": True}


async def test_a_service_has_so_many_requests_and_no_more(world: World, directory: StaticDirectory) -> None:
    release = threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        release.wait(5)
        start_response("200 OK", [])
        return []

    world.run("todo", slow)
    async with calling(directory, Policy(max_in_flight=2)) as send:
        waiting = [asyncio.ensure_future(send(visit_of())) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await send(visit_of())
        release.set()
        assert await asyncio.gather(*waiting) == [200, 200]


async def test_a_slow_service_is_a_deadline_exceeded_without_retry(world: World, directory: StaticDirectory) -> None:
    release = threading.Event()

    def slow(environ: object, start_response: object) -> list[bytes]:
        release.wait(5)
        return []

    for _ in range(2):
        world.run("todo", slow)
    visit = visit_of()

    with pytest.raises(DeadlineExceeded):
        await call(directory, visit, seconds=0.2)
    release.set()
    assert visit.attempts == 1


@pytest.mark.parametrize(
    "app",
    [
        answering("600 Odd", []),
        answering("103 Early Hints", []),
        answering("200 OK", [("X", "a\r\nset-cookie: b=1")]),
        answering("200 OK", [("a b", "1")]),
    ],
    ids=["beyond 599", "informational", "line break in a value", "space in a name"],
)
async def test_an_answer_that_is_not_valid_http_is_a_bad_gateway(
    world: World, directory: StaticDirectory, app: object
) -> None:
    world.run("todo", app)

    with pytest.raises(BadGateway) as refused:
        await call(directory, visit_of())
    assert refused.value.extra == {"service": "todo", "retryable": False}


async def test_a_large_answer_comes_in_chunks(world: World, directory: StaticDirectory) -> None:
    world.run("todo", answering("200 OK", [("ETag", '"1"')], b"x" * (5 * 1024 * 1024)))

    async with calling(directory) as send:
        answer = await send.answer(visit_of())
        assert answer.chunks is not None
        size = sum([len(chunk) async for chunk in answer.chunks])

    assert (answer.headers, answer.body, size) == ([(b"etag", b'"1"')], b"", 5 * 1024 * 1024)


@pytest.mark.parametrize("value", [b"0", b"-1", b"abc", b"1e3", b"", b"1,2", b"0.0"])
async def test_a_time_that_is_none_is_refused(directory: StaticDirectory, value: bytes) -> None:
    with pytest.raises(BadTimeout):
        visit_of("GET", [(b"x-request-timeout", value)]).deadline(5)


async def test_a_client_may_only_shorten_the_time(world: World, directory: StaticDirectory) -> None:
    shorter, longer = (visit_of("GET", [(b"x-request-timeout", value)]) for value in (b"0.5", b"60"))

    assert shorter.deadline(5) - time.monotonic() < 0.51
    assert 4 < longer.deadline(5) - time.monotonic() < 5.01
    assert (shorter.shortened, longer.shortened) == (True, False)


async def test_a_client_without_patience_ejects_nobody(world: World, directory: StaticDirectory) -> None:
    release = threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        release.wait(5)
        return []

    world.run("todo", slow)
    async with calling(directory) as send:
        for _ in range(6):
            with pytest.raises(DeadlineExceeded):
                await send(visit_of("GET", [(b"x-request-timeout", b"0.03")]))
        service = send.upstream.services["todo"]
    release.set()

    assert (service.ejections.ejected(), service.breaker.state) == (set(), "closed")
