import asyncio
import hashlib
import io
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest

from libs.contracts.errors import Conflict
from libs.identity.principal import Call
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.dispatcher import Streamed
from libs.rpc.messages import from_headers
from libs.rpc.multiplexer import Multiplexer, Transfer
from libs.rpc.parking import Parking, Ready
from libs.rpc.status import NoAnswer
from libs.rpc.transfer import Upload
from tests.libs.rpc.apps import Held, Large, echo
from tests.libs.rpc.test_multiplexer import queued, request

Serve = Callable[..., Any]
MIB = 1024 * 1024


def part(**fields: Any) -> pb.Part:
    return pb.Part(request=pb.Request.FromString(request(**fields)))


async def collect(multiplexer: Multiplexer, bridge: Any, sent: bytes) -> Transfer:
    token = await multiplexer.ask(bridge.target, "todo", sent, 5)
    assert isinstance(token, str)
    return await multiplexer.transfer(bridge.target, "todo", pb.Part(collect=token))


async def test_an_answer_too_large_for_a_frame_is_collected(serve: Serve, multiplexer: Multiplexer) -> None:
    app = Large(5 * MIB + 3)
    transfer = await collect(multiplexer, serve(app), request())

    head = await transfer.head()
    chunks = [chunk async for chunk in transfer.chunks()]

    assert (head.status, head.body) == (200, b"")
    assert (b"etag", b'"7"') in from_headers(head.headers)
    assert b"".join(chunks) == b"x" * (5 * MIB + 3)
    assert max(map(len, chunks)) <= 64 * 1024
    assert app.closed.is_set()


async def test_a_slow_reader_holds_neither_the_whole_body_nor_other_requests(
    serve: Serve, multiplexer: Multiplexer
) -> None:
    app = Large(50 * MIB)

    def both(environ: dict[str, Any], start_response: Any) -> Any:
        return (app if environ["PATH_INFO"] == "/large" else echo)(environ, start_response)

    bridge = serve(both)
    transfer = await collect(multiplexer, bridge, request("/large"))
    await transfer.head()  # and no more of it is read

    for _ in range(20):
        assert isinstance(await multiplexer.ask(bridge.target, "todo", request("/small"), 5), pb.Response)
    assert app.sent < 20 * MIB

    transfer.cancel()
    assert await asyncio.to_thread(app.closed.wait, 5)


async def test_a_parked_answer_is_given_out_once(serve: Serve, multiplexer: Multiplexer) -> None:
    bridge = serve(Large(2 * MIB))
    token = await multiplexer.ask(bridge.target, "todo", request(), 5)
    assert isinstance(token, str)
    first = await multiplexer.transfer(bridge.target, "todo", pb.Part(collect=token))
    await first.head()

    second = await multiplexer.transfer(bridge.target, "todo", pb.Part(collect=token))
    with pytest.raises(NoAnswer) as refused:
        await second.head()

    assert refused.value.code is grpc.StatusCode.NOT_FOUND


def test_a_parked_answer_that_nobody_collects_is_closed() -> None:
    closed = threading.Event()

    def chunks() -> Any:
        try:
            yield b""
        finally:
            closed.set()

    body = chunks()
    next(body)
    parking = Parking(seconds=0.05)
    token = parking.park("gateway", Ready(Streamed(pb.Response(), body)))

    assert closed.wait(5)
    assert parking.collect("gateway", token) is None


def test_a_parked_answer_belongs_to_its_caller() -> None:
    parking = Parking()
    item = Ready(Streamed(pb.Response(), iter(())))
    token = parking.park("gateway", item)

    assert parking.collect("events", token) is None
    assert parking.collect("gateway", token) is item


async def test_a_large_body_is_read_while_it_comes(serve: Serve, multiplexer: Multiplexer) -> None:
    arrived = threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"]
        digest = hashlib.sha256(body.read(100_000))
        arrived.set()
        while piece := body.read(100_000):
            digest.update(piece)
        start_response("200 OK", [])
        return [environ["CONTENT_LENGTH"].encode(), b" ", digest.hexdigest().encode()]

    whole = bytes(range(256)) * (12 * MIB // 256)

    async def body() -> AsyncIterator[bytes]:
        yield whole[: 2 * MIB]
        assert await asyncio.to_thread(arrived.wait, 5)
        for start in range(2 * MIB, len(whole), 60_000):
            yield whole[start : start + 60_000]

    opening = part(body_length=len(whole))
    transfer = await multiplexer.transfer(serve(app).target, "todo", opening, body())
    await transfer.head()
    answer = b"".join([chunk async for chunk in transfer.chunks()])

    assert answer.decode() == f"{len(whole)} {hashlib.sha256(whole).hexdigest()}"


async def test_a_body_that_breaks_off_is_an_error_to_its_reader(serve: Serve, multiplexer: Multiplexer) -> None:
    seen: list[BaseException] = []
    began, ended = threading.Event(), threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        began.set()
        try:
            environ["wsgi.input"].read()
        except OSError as error:
            seen.append(error)
            raise
        finally:
            ended.set()
        return []

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        assert await asyncio.to_thread(began.wait, 5)
        raise ConnectionError

    opening = part(body_length=2 * MIB)
    transfer = await multiplexer.transfer(serve(app).target, "todo", opening, body())
    with pytest.raises(NoAnswer):
        await transfer.head()

    assert await asyncio.to_thread(ended.wait, 5)
    assert len(seen) == 1


async def test_a_transfer_whose_caller_left_is_not_begun(serve: Serve, multiplexer: Multiplexer) -> None:
    app = Held()
    bridge = serve(app, threads=1)
    first = asyncio.ensure_future(multiplexer.ask(bridge.target, "todo", request("/first"), 10))
    assert await asyncio.to_thread(app.entered.wait, 5)
    second = await multiplexer.transfer(bridge.target, "todo", part(path="/second"))
    await queued(bridge, 1)
    second.cancel()
    async with asyncio.timeout(5):
        while bridge.server.in_flight > 1:  # noqa: ASYNC110  (it ends on another thread)
            await asyncio.sleep(0.01)

    app.release.set()
    await first

    assert app.paths == ["/first"]


class Ticks:
    """A streaming route: one chunk each time it is told to; it knows whether it has ended."""

    def __init__(self) -> None:
        self.go = asyncio.Semaphore(0)
        self.ended = asyncio.Event()
        self.calls: list[Call] = []

    async def __call__(self, sent: pb.Request, call: Call) -> tuple[pb.Response, AsyncIterator[bytes]]:
        self.calls.append(call)
        if sent.query == b"refuse":
            raise Conflict("not now")
        return pb.Response(status=200), self._body()

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            yield b"hello"
            while True:
                await self.go.acquire()
                yield b"tick"
        finally:
            self.ended.set()


async def open_stream(serve: Serve, multiplexer: Multiplexer, ticks: Ticks, **fields: Any) -> tuple[Any, Transfer]:
    bridge = serve(echo, streams={"/v1/changes": ticks}, loop=asyncio.get_running_loop())
    return bridge, await collect(multiplexer, bridge, request("/v1/changes", request_id="r-1", **fields))


async def test_a_stream_gives_each_chunk_as_soon_as_it_is_there(serve: Serve, multiplexer: Multiplexer) -> None:
    ticks = Ticks()
    _, transfer = await open_stream(serve, multiplexer, ticks)
    chunks = transfer.chunks()

    assert (await transfer.head()).status == 200
    assert await asyncio.wait_for(anext(chunks), 5) == b"hello"
    for _ in range(3):
        ticks.go.release()
        assert await asyncio.wait_for(anext(chunks), 5) == b"tick"
    assert ticks.calls[0].caller.service == "gateway"


async def test_a_stream_ends_when_its_reader_leaves(serve: Serve, multiplexer: Multiplexer) -> None:
    ticks = Ticks()
    _, transfer = await open_stream(serve, multiplexer, ticks)
    await transfer.head()
    await anext(transfer.chunks())

    transfer.cancel()

    await asyncio.wait_for(ticks.ended.wait(), 5)


async def test_a_stream_ends_in_order_when_its_instance_drains(serve: Serve, multiplexer: Multiplexer) -> None:
    ticks = Ticks()
    bridge, transfer = await open_stream(serve, multiplexer, ticks)
    await transfer.head()
    chunks = transfer.chunks()
    await anext(chunks)

    bridge.server.drain()

    assert [chunk async for chunk in chunks] == []
    await asyncio.wait_for(ticks.ended.wait(), 5)
    await asyncio.wait_for(asyncio.to_thread(bridge.server.stop, 10), 5)


async def test_a_stream_may_refuse_with_a_problem(serve: Serve, multiplexer: Multiplexer) -> None:
    _, transfer = await open_stream(serve, multiplexer, Ticks(), query=b"refuse")

    head = await transfer.head()
    body = b"".join([chunk async for chunk in transfer.chunks()])

    assert head.status == 409
    assert b'"request_id":"r-1"' in body


def test_a_body_shorter_than_its_length_is_no_whole_body() -> None:
    """gRPC ends the chunks in good order where a client leaves at certain moments."""
    upload = io.BufferedReader(Upload(iter([pb.Part(chunk=b"x" * 10)]), 11))

    with pytest.raises(ConnectionResetError):
        upload.read()


def test_a_body_of_its_length_ends() -> None:
    assert io.BufferedReader(Upload(iter([pb.Part(chunk=b"xy"), pb.Part(chunk=b"z")]), 3)).read() == b"xyz"
