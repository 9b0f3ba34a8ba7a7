import threading

import pytest

from gateway_svc.routing.forwarding import TrustedProxies
from gateway_svc.routing.upstream import Upstream
from gateway_svc.routing.visit import Visit
from libs.contracts.errors import BadGateway, DeadlineExceeded, Unavailable
from libs.rpc.client import AsyncBridgeClient
from libs.service.identity import signer
from tests.gateway_svc.conftest import Headers, http_scope
from tests.gateway_svc.services import Echo, StaticDirectory, World, answering


def visit_of(method: str = "GET", headers: Headers | None = None) -> Visit:
    visit = Visit.of(http_scope(method, "/v1/lists", headers or []), TrustedProxies([]))
    visit.service, visit.route = "todo", "/v1/lists"
    return visit


async def call(directory: StaticDirectory, visit: Visit, seconds: float = 5.0) -> int:
    client = AsyncBridgeClient(signer())
    try:
        answer = await Upstream(directory, client, seconds).call(visit, visit.to_request(b"", "gateway-1"))
    finally:
        await client.close()
    return answer.status


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
async def test_never_sends_again_what_is_not_idempotent(world: World, directory: StaticDirectory, method: str) -> None:
    await one_dead_one_alive(world, directory)
    visit = visit_of(method)

    with pytest.raises(Unavailable) as refused:
        await call(directory, visit)
    assert visit.attempts == 1
    assert refused.value.extra["retryable"] is False


async def test_gives_up_after_the_second_instance(world: World, directory: StaticDirectory) -> None:
    for _ in range(3):
        world.kill(world.run("todo", Echo()))
    visit = visit_of()

    with pytest.raises(Unavailable):
        await call(directory, visit)
    assert visit.attempts == 2


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


async def test_an_answer_above_the_bridges_limit_is_a_bad_gateway(world: World, directory: StaticDirectory) -> None:
    world.run("todo", answering("200 OK", [], b"x" * (5 * 1024 * 1024)))

    with pytest.raises(BadGateway):
        await call(directory, visit_of())
