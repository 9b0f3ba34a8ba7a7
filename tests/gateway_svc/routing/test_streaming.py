"""Bodies that are larger than an envelope, or have no end, through the whole pipeline."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from gateway_svc.routing.application import Gateway
from libs.identity.principal import Call
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.server import BridgeServer
from tests.gateway_svc.conftest import Ask, Headers, http_scope
from tests.gateway_svc.services import World, answering

MIB = 1024 * 1024


class Client:
    """A client of the pipeline that sends its body in pieces, and takes the answer as it comes."""

    def __init__(self, *pieces: bytes, pause: float = 0.0) -> None:
        self._pieces = list(pieces)
        self._pause = pause
        self._more = asyncio.Event()
        self._left = asyncio.Event()
        self.sent: asyncio.Queue[Any] = asyncio.Queue()

    async def receive(self) -> Any:
        if self._pieces:
            await asyncio.sleep(self._pause)
            piece = self._pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.sent.put(message)

    def leave(self) -> None:
        self._left.set()

    async def next(self) -> Any:
        return await asyncio.wait_for(self.sent.get(), 5)

    async def body(self) -> bytes:
        whole = b""
        while True:
            message = await self.next()
            whole += message["body"]
            if not message.get("more_body"):
                return whole

    def ask(self, gateway: Gateway, method: str, path: str, headers: Headers | None = None) -> asyncio.Task[None]:
        scope = http_scope(method, path, headers or [])
        return asyncio.ensure_future(gateway.pipeline(scope, self.receive, self.send))


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    return {"traffic.max_body": str(20 * MIB)}


def digest(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    found = hashlib.sha256()
    while piece := environ["wsgi.input"].read(70_000):
        found.update(piece)
    start_response("200 OK", [])
    return [found.hexdigest().encode()]


async def test_a_large_answer_passes_whole(gateway: Gateway, world: World) -> None:
    body = bytes(range(256)) * (5 * MIB // 256)
    world.run(
        "todo", answering("200 OK", [("ETag", '"1"'), ("Content-Length", str(len(body)))], body), routes=("/v1/x",)
    )
    client = Client(b"")
    task = client.ask(gateway, "GET", "/v1/x")

    start = await client.next()
    assert (b"etag", b'"1"') in start["headers"]
    assert (b"content-length", str(len(body)).encode()) in start["headers"]
    assert await client.body() == body
    await task


async def test_a_large_body_reaches_a_service_that_takes_them(
    gateway: Gateway, world: World, traffic: dict[str, str]
) -> None:
    world.run("todo", digest, routes=("/v1/x",), metadata=traffic)
    body = bytes(range(256)) * (5 * MIB // 256)
    client = Client(*(body[start : start + 50_000] for start in range(0, len(body), 50_000)))
    task = client.ask(gateway, "POST", "/v1/x", [(b"content-length", str(len(body)).encode())])

    assert (await client.next())["status"] == 200
    assert (await client.body()).decode() == hashlib.sha256(body).hexdigest()
    await task


async def test_a_large_body_without_a_length_is_refused_where_large_ones_are_taken(
    gateway: Gateway, world: World, traffic: dict[str, str]
) -> None:
    world.run("todo", digest, routes=("/v1/x",), metadata=traffic)
    client = Client(b"x" * MIB, b"x")
    task = client.ask(gateway, "POST", "/v1/x", [(b"transfer-encoding", b"chunked")])

    assert (await client.next())["status"] == 411
    await task


async def test_a_body_above_the_services_own_limit_is_413(ask: Ask, world: World) -> None:
    world.run("todo", digest, routes=("/v1/x",), metadata={"traffic.max_body": "1000"})

    assert (await ask("POST", "/v1/x", [(b"content-length", b"1001")], b"x" * 1001)).status == 413
    assert (await ask("POST", "/v1/x", [], b"x" * 1001)).status == 413
    assert (await ask("POST", "/v1/x", [(b"content-length", b"1000")], b"x" * 1000)).status == 200


class Changes:
    """A streaming route that the test drives."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[bytes] = asyncio.Queue()
        self.ended = asyncio.Event()

    async def __call__(self, request: pb.Request, call: Call) -> tuple[pb.Response, AsyncIterator[bytes]]:
        header = pb.Header(name="content-type", value=b"text/event-stream")
        return pb.Response(status=200, headers=[header]), self._body()

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield await self.events.get()
        finally:
            self.ended.set()


async def test_each_event_of_a_stream_arrives_as_it_happens(gateway: Gateway, world: World) -> None:
    changes = Changes()
    world.run("todo", digest, routes=("/v1/changes",), streams={"/v1/changes": changes})
    client = Client(b"")
    task = client.ask(gateway, "GET", "/v1/changes")

    assert (await client.next())["status"] == 200
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        await changes.events.put(event)
        assert (await client.next())["body"] == event

    client.leave()
    await asyncio.wait_for(changes.ended.wait(), 5)
    await asyncio.wait_for(task, 5)


async def test_a_stream_that_breaks_off_has_no_end(gateway: Gateway, world: World) -> None:
    changes = Changes()
    instance = world.run("todo", digest, routes=("/v1/changes",), streams={"/v1/changes": changes})
    client = Client(b"")
    task = client.ask(gateway, "GET", "/v1/changes")
    await client.next()
    await changes.events.put(b"data: 1\n\n")
    await client.next()

    await asyncio.to_thread(world.servers[instance.id]._server.stop, 0)  # type: ignore[union-attr]
    await asyncio.wait_for(task, 5)

    assert client.sent.empty()


async def told(server: BridgeServer) -> None:
    """Wait until a service knows that somebody has no use for an answer any more."""

    def cancelled() -> bool:
        jobs = [job for exchange in list(server._bridge._exchanges) for job in list(exchange._jobs.values())]
        return any(job.cancelled for job in jobs)

    async with asyncio.timeout(5):
        while not cancelled():  # noqa: ASYNC110  (it happens on another thread)
            await asyncio.sleep(0.01)


async def test_a_client_that_leaves_is_not_worked_for(gateway: Gateway, world: World) -> None:
    entered, release = threading.Event(), threading.Event()
    paths: list[str] = []

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        paths.append(environ["PATH_INFO"])
        entered.set()
        release.wait(5)
        start_response("200 OK", [])
        return []

    instance = world.run("todo", slow, routes=("/v1/x",), threads=1)
    first, second = Client(b""), Client(b"")
    running = first.ask(gateway, "GET", "/v1/x/1")
    assert await asyncio.to_thread(entered.wait, 5)
    queued = second.ask(gateway, "GET", "/v1/x/2")
    await asyncio.sleep(0.1)
    second.leave()
    await asyncio.wait_for(queued, 5)
    await told(world.servers[instance.id])
    release.set()
    await running

    third = Client(b"")
    await third.ask(gateway, "GET", "/v1/x/3")
    assert paths == ["/v1/x/1", "/v1/x/3"]
    assert second.sent.empty()


async def test_a_stream_is_not_held_for_those_who_want_its_head_only(gateway: Gateway, world: World) -> None:
    instance = world.run("todo", digest, routes=("/v1/changes",), streams={"/v1/changes": Changes()})
    client = Client(b"")
    await client.ask(gateway, "HEAD", "/v1/changes")

    assert (await client.next())["status"] == 200
    async with asyncio.timeout(5):
        while world.servers[instance.id].in_flight:  # noqa: ASYNC110  (it ends on another thread)
            await asyncio.sleep(0.01)


async def test_a_body_may_take_longer_than_the_service_gets_to_answer(gateway: Gateway, world: World) -> None:
    metadata = {"traffic.max_body": str(20 * MIB), "traffic.timeout": "2"}
    world.run("todo", digest, routes=("/v1/x",), metadata=metadata)
    pieces = [bytes(MIB // 2)] * 4
    client = Client(*pieces, pause=0.6)
    task = client.ask(gateway, "POST", "/v1/x", [(b"content-length", str(4 * MIB // 2).encode())])

    assert (await client.next())["status"] == 200
    assert (await client.body()).decode() == hashlib.sha256(b"".join(pieces)).hexdigest()
    await task


def echo(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Length", environ["CONTENT_LENGTH"])])
    while piece := environ["wsgi.input"].read(70_000):
        yield piece


async def test_an_answer_that_begins_before_its_request_ends_takes_nothing_of_it(
    gateway: Gateway, world: World, traffic: dict[str, str]
) -> None:
    world.run("todo", echo, routes=("/v1/x",), metadata=traffic)
    pieces = [bytes([number]) * (MIB // 2) for number in range(6)]
    client = Client(*pieces, pause=0.05)
    task = client.ask(gateway, "POST", "/v1/x", [(b"content-length", str(3 * MIB).encode())])

    assert (await client.next())["status"] == 200
    assert hashlib.sha256(await client.body()).digest() == hashlib.sha256(b"".join(pieces)).digest()
    await task
