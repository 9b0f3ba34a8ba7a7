"""`libs.rpc.grpc_stream` with gRPC's own server, and with servers of raw HTTP/2."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import grpc
import h2.config
import h2.connection
import h2.events
import pytest

from libs.rpc import grpc_stream as module
from libs.rpc.grpc_messages import MAX_MESSAGE
from libs.rpc.grpc_stream import GrpcStream, connect

Open = Callable[..., Awaitable["Client"]]


class Client:
    """A call, and what came."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()
        self.writable = asyncio.Event()
        self.stream: GrpcStream

    async def next(self) -> bytes:
        return await asyncio.wait_for(self.messages.get(), 5)

    async def ending(self) -> tuple[grpc.StatusCode, str]:
        return await asyncio.wait_for(asyncio.shield(self.stream.ended), 5)


@pytest.fixture
async def call() -> AsyncIterator[Open]:
    clients: list[Client] = []

    async def begin(target: str, path: str = "/echo.Echo/Echo", on_message: Any = None) -> Client:
        client = Client()
        take = on_message or client.messages.put_nowait
        client.stream = await connect(
            target, lambda: GrpcStream(target, path, [("x-who", "me")], take, client.writable.set)
        )
        clients.append(client)
        return client

    yield begin
    for client in clients:
        client.stream.close()
        await gone(client.stream._transport)


async def gone(transport: Any) -> None:
    """End a connection whatever its other side does."""
    transport.abort()
    await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (the other side sets no event)
            await asyncio.sleep(0.01)


def echo(incoming: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    context.send_initial_metadata((("x-you", dict(context.invocation_metadata())["x-who"]),))
    for message in incoming:
        if message == b"abort":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "nein: ä%")
        yield message


@pytest.fixture
def target() -> Iterator[str]:
    handler = grpc.stream_stream_rpc_method_handler(echo)
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", {"Echo": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0)


class Http2(asyncio.Protocol):
    """A server of raw HTTP/2, which answers as `script` does each time something comes."""

    def __init__(self, script: Callable[["Http2", h2.events.Event], object]) -> None:
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.script = script
        self.pings = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.http.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.http.receive_data(data):
            self.pings += isinstance(event, h2.events.PingReceived)
            self.script(self, event)
        self.flush()

    def flush(self) -> None:
        self.transport.write(self.http.data_to_send())


@asynccontextmanager
async def serving(factory: Callable[[], asyncio.Protocol]) -> AsyncIterator[str]:
    taken: list[Any] = []

    def take() -> asyncio.Protocol:
        protocol = factory()
        begin = protocol.connection_made

        def connection_made(transport: Any) -> None:
            taken.append(transport)
            begin(transport)

        protocol.connection_made = connection_made  # type: ignore[method-assign]
        return protocol

    server = await asyncio.get_running_loop().create_server(take, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for transport in taken:
            await gone(transport)


def answering(*, status: str = "200", body: bytes = b"", trailers: dict[str, str] | None = None) -> Any:
    """Make a server with one answer to each call, which goes on where there are no trailers."""

    def script(server: Http2, event: h2.events.Event) -> None:
        if not isinstance(event, h2.events.RequestReceived):
            return
        is_last = trailers is not None and not trailers
        server.http.send_headers(1, [(":status", status)], end_stream=is_last)
        if body:
            server.http.send_data(1, body)
        if trailers:
            server.http.send_headers(1, list(trailers.items()), end_stream=True)

    return lambda: Http2(script)


def written(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4) + message


async def test_carries_messages_of_any_size_both_ways(call: Open, target: str) -> None:
    client = await call(target)
    sent = [b"x" * size for size in (0, 1, 16_379, 16_384, 65_535, 2**20, 3 * 2**20, 5)]

    for message in sent:
        client.stream.write(message)

    assert [await client.next() for _ in sent] == sent


async def test_gives_the_initial_metadata(call: Open, target: str) -> None:
    client = await call(target)
    client.stream.write(b"1")

    head = await asyncio.wait_for(client.stream.head, 5)

    assert head["x-you"] == "me"


async def test_ends_with_the_status_and_its_text(call: Open, target: str) -> None:
    client = await call(target)

    client.stream.write(b"abort")

    assert await client.ending() == (grpc.StatusCode.PERMISSION_DENIED, "nein: ä%")


async def test_a_call_that_the_server_does_not_know_has_no_head(call: Open, target: str) -> None:
    client = await call(target, "/echo.Echo/Other")

    assert (await client.ending())[0] is grpc.StatusCode.UNIMPLEMENTED
    assert "x-you" not in client.stream.head.result()


async def test_the_server_hears_that_the_client_has_gone(call: Open) -> None:
    heard: asyncio.Queue[type] = asyncio.Queue()
    async with serving(lambda: Http2(lambda _, event: heard.put_nowait(type(event)))) as target:
        client = await call(target)
        client.stream.close()

        while await asyncio.wait_for(heard.get(), 5) is not h2.events.StreamReset:
            pass

    assert (await client.ending())[0] is grpc.StatusCode.CANCELLED


async def test_a_lost_connection_ends_the_call(call: Open) -> None:
    async with serving(lambda: Http2(lambda server, _: server.transport.abort())) as target:
        client = await call(target)

        assert (await client.ending())[0] is grpc.StatusCode.UNAVAILABLE
        assert client.stream.head.result() == {}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("200", grpc.StatusCode.UNKNOWN),
        ("401", grpc.StatusCode.UNAUTHENTICATED),
        ("404", grpc.StatusCode.UNIMPLEMENTED),
        ("503", grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_what_answers_without_a_status_of_grpc_has_one_all_the_same(
    call: Open, status: str, code: grpc.StatusCode
) -> None:
    async with serving(answering(status=status, trailers={})) as target:
        assert (await (await call(target)).ending())[0] is code


async def test_messages_come_in_any_pieces(call: Open) -> None:
    sent = [b"", b"a", b"bc" * 50, b"", b"d" * 300]
    body = b"".join(written(message) for message in sent)

    for size in (1, 2, 4, 5, 6, 7, 100, len(body)):

        def script(server: Http2, event: h2.events.Event, size: int = size) -> None:
            if isinstance(event, h2.events.RequestReceived):
                server.http.send_headers(1, [(":status", "200")])
                for at in range(0, len(body), size):
                    server.http.send_data(1, body[at : at + size])

        async with serving(lambda script=script: Http2(script)) as target:  # type: ignore[misc]
            client = await call(target)
            assert [await client.next() for _ in sent] == sent


@pytest.mark.parametrize("size", [1, 5], ids=["in pieces", "at once"])
@pytest.mark.parametrize(
    "body", [b"\1" + written(b"x")[1:], b"\0" + (MAX_MESSAGE + 1).to_bytes(4)], ids=["compressed", "too large"]
)
async def test_a_message_that_cannot_be_read_ends_the_call(call: Open, body: bytes, size: int) -> None:
    def script(server: Http2, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            server.http.send_headers(1, [(":status", "200")])
            for at in range(0, len(body), size):
                server.http.send_data(1, body[at : at + size])

    async with serving(lambda: Http2(script)) as target:
        client = await call(target)

        assert (await client.ending())[0] is grpc.StatusCode.INTERNAL
        assert client.messages.empty()


async def test_what_is_not_http2_ends_the_call(call: Open) -> None:
    class Http1(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async with serving(Http1) as target:
        code, detail = await (await call(target)).ending()

    assert code is grpc.StatusCode.INTERNAL
    assert "not HTTP/2" in detail


async def test_a_mistake_of_ours_in_reading_a_message_ends_the_call(call: Open) -> None:
    def broken(message: bytes) -> None:
        raise ValueError("ours")

    async with serving(answering(body=written(b"x"))) as target:
        client = await call(target, on_message=broken)

        assert await client.ending() == (grpc.StatusCode.INTERNAL, "a message can't be read")


async def test_says_when_the_other_side_takes_more(call: Open) -> None:
    """It reads nothing until it has been told to, so the window of 65,535 bytes is all there is."""
    servers: list[Http2] = []
    received = 0

    def script(server: Http2, event: h2.events.Event) -> None:
        nonlocal received
        servers[:] = [server]
        if isinstance(event, h2.events.DataReceived):
            received += len(event.data)

    async with serving(lambda: Http2(script)) as target:
        client = await call(target)
        assert client.stream.is_writable
        client.stream.write(b"x" * 100_000)
        assert not client.stream.is_writable
        await until(lambda: received >= 65_535)
        assert not client.writable.is_set()

        servers[0].http.increment_flow_control_window(100_000)
        servers[0].http.increment_flow_control_window(100_000, 1)
        servers[0].flush()

        await asyncio.wait_for(client.writable.wait(), 5)
        assert client.stream.is_writable


async def test_waits_while_the_network_takes_nothing(call: Open) -> None:
    """A large window, and a reader that has stopped: the socket's buffers are full."""

    def script(server: Http2, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            server.http.increment_flow_control_window(2**30)
            server.http.increment_flow_control_window(2**30, 1)
            server.flush()
            server.transport.pause_reading()
            server.http.send_headers(1, [(":status", "200")])
            asyncio.get_running_loop().call_later(0.5, server.transport.resume_reading)

    async with serving(lambda: Http2(script)) as target:
        client = await call(target)
        await asyncio.wait_for(client.stream.head, 5)
        while client.stream.is_writable:
            client.stream.write(b"x" * 2**20)
        await asyncio.wait_for(client.writable.wait(), 5)
        assert client.stream.is_writable


async def test_a_silent_connection_is_asked_for_a_sign_of_life(call: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEPALIVE_SECONDS", 0.05)
    monkeypatch.setattr(module, "KEEPALIVE_TIMEOUT", 0.1)
    servers: list[Http2] = []
    async with serving(lambda: Http2(lambda server, _: servers.append(server))) as target:
        client = await call(target)
        await until(lambda: bool(servers) and servers[0].pings >= 4)

        assert not client.stream.ended.done()


class Silent(asyncio.Protocol):
    """A server that takes and says nothing."""


async def test_who_gives_no_sign_of_life_is_gone(call: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEPALIVE_SECONDS", 0.05)
    monkeypatch.setattr(module, "KEEPALIVE_TIMEOUT", 0.1)
    async with serving(Silent) as target:
        client, began = await call(target), time.monotonic()

        code, detail = await client.ending()

    assert (code, detail) == (grpc.StatusCode.UNAVAILABLE, "no sign of life for 0.1 s")
    assert 0.14 < time.monotonic() - began < 3


async def test_who_takes_nothing_any_more_is_left_after_a_second(call: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.1)

    class Deaf(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.pause_reading()

    async with serving(Deaf) as target:
        client = await call(target)
        transport = client.stream._transport
        transport.write(b"x" * 2**25)  # more than the buffers of both sockets
        client.stream.close()

        await until(lambda: not transport.get_write_buffer_size())
