import asyncio
import gc
import json
import re
import socket
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from libs.rpc import http_protocol
from libs.rpc.asgi import Disconnected, read_body, refuse_websocket
from libs.rpc.http_answer import AnswerCycle
from libs.rpc.http_protocol import MAX_HEADER_BYTES, MAX_HEADERS, MAX_PIPELINED, MAX_TARGET_BYTES, PublicHttpProtocol

CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


class App:
    """Answers with the body, and names the headers it saw. `/early` reads nothing, `/held` waits for `released`."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.released = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self.web_socket(scope, receive, send)
            return
        self.seen.append(scope["path"])
        if scope["path"] == "/held":
            await self.released.wait()
        try:
            body = b"" if scope["path"] == "/early" else await read_body(receive)
        except Disconnected:
            return
        if scope["path"] == "/large":
            body = b"x" * 8_000_000
        names = b",".join(name for name, _ in scope["headers"])
        headers = [(b"content-length", str(len(body)).encode()), (b"x-seen", names)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def web_socket(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/talk":
            await refuse_websocket(scope, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        await self.released.wait()
        await send({"type": "websocket.send", "text": "still here"})


class TakingApp(App):
    """Takes what is there as a whole, and answers it a moment later."""

    def take(self, cycle: AnswerCycle) -> bool:
        path = cycle.scope["path"]
        if path in ("/held", "/large"):
            return False
        self.seen.append(path)
        body = b"" if path == "/early" else bytes(cycle.body)
        names = b",".join(name for name, _ in cycle.scope["headers"])
        cycle.loop.call_soon(cycle.answer, 200, [(b"content-length", b"%d" % len(body)), (b"x-seen", names)], body)
        return True


@pytest.fixture(params=[App, TakingApp])
def app(request: pytest.FixtureRequest) -> App:
    return request.param()  # type: ignore[no-any-return]


@pytest.fixture
def state() -> ServerState:
    return ServerState()


@pytest.fixture
async def port(app: App, state: ServerState) -> AsyncIterator[int]:
    config = uvicorn.Config(app, ws="websockets-sansio", log_config=None, access_log=False, proxy_headers=False)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: PublicHttpProtocol(config, state, {}), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()
    for task in state.tasks:
        task.cancel()
    await asyncio.sleep(0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "PATIENCE_SECONDS", 0.05)


async def everything(port: int, *parts: bytes, meanwhile: Callable[[], None] = lambda: None) -> bytes:
    """Send the parts, do something else, and give all that comes until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    meanwhile()
    received = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return received


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d{3}) ", received)]


async def talk(port: int, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode("latin-1")
    lines = head.strip().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    body = await asyncio.wait_for(reader.readexactly(int(headers["content-length"])), 5)
    writer.close()
    return int(lines[0].split()[1]), headers, body


async def test_ordinary_requests_pass(port: int) -> None:
    status, _, body = await talk(port, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc")

    assert (status, body) == (200, b"abc")


async def test_headers_below_the_limit_pass_also_after_a_large_body(port: int) -> None:
    large = b"x" * (MAX_HEADER_BYTES - 1000)
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\nx: " + large + b"\r\n\r\n" + b"b" * 300_000

    assert (await talk(port, request))[0] == 200


@pytest.mark.parametrize(
    "parts",
    [
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"".join(b"h%d: %s\r\n" % (i, b"v" * 1000) for i in range(70)) + b"\r\n",),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbig: " + b"v" * (MAX_HEADER_BYTES + 1) + b"\r\n\r\n",),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbig: ", *([b"v" * 40_000] * 20)),  # it never ends
        (b"GET / HTTP/1.1\r\n" + b"a: 1\r\n" * (MAX_HEADERS + 1) + b"\r\n",),
        (b"GET / HTTP/1.1\r\n" + b"a: 1\r\n" * (MAX_HEADERS + 1) + b"b",),
        (CHUNKED + b"0\r\n" + b"".join(b"t%d: %s\r\n" % (i, b"v" * 1000) for i in range(70)) + b"\r\n",),
        (CHUNKED + b"0\r\n", b"trailer: ", *([b"v" * 40_000] * 20)),
        (CHUNKED + b"1;", *([b"e" * 40_000] * 20)),
        (CHUNKED, *([b"1;" + b"e" * 6000 + b"\r\na\r\n"] * 100)),
    ],
    ids=[
        "large",
        "one",
        "endless",
        "many",
        "many and more",
        "trailers",
        "endless trailer",
        "endless extension",
        "extensions",
    ],
)
async def test_a_header_section_above_the_limit_is_431(port: int, parts: tuple[bytes, ...]) -> None:
    status, headers, body = await talk(port, *parts)

    assert status == 431
    assert json.loads(body)["code"] == "headers_too_large"
    assert headers["connection"] == "close"


@pytest.mark.parametrize("parts", [1, 7])
async def test_a_target_above_the_limit_is_414(port: int, parts: int) -> None:
    pieces = [b"a" * (MAX_TARGET_BYTES // parts + 1)] * parts

    assert (await talk(port, b"GET /", *pieces))[0] == 414


async def test_a_chunk_for_each_byte_passes(port: int) -> None:
    request = CHUNKED + b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n"

    assert (await talk(port, request))[2] == b"a" * 50_000


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (CHUNKED + b"zz\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET /#fragment HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET http://y/ HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\nexpect: gold\r\n\r\n", 417),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n", 501),
        (b"CONNECT / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: " + b"0" * 5000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nhost: x\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
    ],
)
async def test_what_is_refused_is_a_problem_with_a_request_id(port: int, request_bytes: bytes, expected: int) -> None:
    with capture_logs() as logs:
        status, headers, body = await talk(port, request_bytes)

    assert status == expected
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert json.loads(body)["request_id"] == headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"
    (record,) = logs
    assert (record["event"], record["status"], record["client_ip"]) == ("request refused", expected, "127.0.0.1")
    assert record["request_id"] == headers["x-request-id"]


async def test_nothing_behind_a_refused_request_is_answered(port: int, app: App) -> None:
    received = await everything(port, b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n" + b"GET /b HTTP/1.1\r\n\r\n" * 3)

    assert statuses(received) == [400]
    assert app.seen == []


async def test_trailers_are_no_headers_neither_here_nor_of_the_next_request(port: int) -> None:
    trailers = b"host: evil\r\nauthorization: Bearer x\r\nexpect: 100-continue\r\n"
    request = CHUNKED + b"3\r\nabc\r\n0\r\n" + trailers + b"\r\n"

    received = await everything(port, request + request + b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")

    assert re.findall(rb"x-seen: (.*)\r", received) == [b"host,transfer-encoding"] * 2 + [b"connection"]


async def test_a_malformed_request_behind_another_does_not_answer_in_its_place(port: int) -> None:
    status, _, body = await talk(port, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabcnonsense\r\n\r\n")

    assert (status, body) == (200, b"abc")


async def test_a_web_socket_is_refused_with_a_problem(port: int) -> None:
    handshake = (
        b"GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )

    status, headers, body = await talk(port, handshake)

    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(body)["request_id"] == headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "rest",
    [
        b"\r\n",
        b"sec-websocket-version: 13\r\n\r\n",
        b"sec-websocket-key: x\r\nsec-websocket-version: 13\r\n\r\n",
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 8\r\n\r\n",
    ],
)
async def test_what_opens_no_web_socket_is_an_ordinary_request(port: int, rest: bytes) -> None:
    upgrade = b"host: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"

    assert (await talk(port, b"GET / HTTP/1.1\r\n" + upgrade + rest))[0] == 200
    assert (await talk(port, b"POST / HTTP/1.1\r\ncontent-length: 3\r\n" + upgrade + rest + b"abc"))[2] == b"abc"


async def test_an_offer_of_another_protocol_is_declined_and_the_body_is_read(port: int) -> None:
    offer = b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    head = b"POST / HTTP/1.1\r\n" + offer

    assert (await talk(port, head + b"content-length: 3\r\n\r\nabc"))[2] == b"abc"
    assert (await talk(port, head + b"content-length: 3\r\n", b"\r\na", b"bc"))[2] == b"abc"
    assert (await talk(port, head + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))[2] == b"abc"
    assert (await talk(port, b"GET / HTTP/1.1\r\n" + offer + b"\r\n"))[0] == 200


async def test_requests_behind_a_declined_offer_are_answered_in_their_order(port: int) -> None:
    post = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n"
    offer = b"connection: upgrade\r\nupgrade: h2c\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    writer.write(post + b"\r\na" + post + offer + b"\r\nb" + post + b"connection: close\r\n\r\nc")
    answers = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert [answer[-1:] for answer in answers.split(b"HTTP/1.1 200 OK")[1:]] == [b"a", b"b", b"c"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "parts",
    [
        (b"GET / HT",),
        (b"GET / HTTP/1.1\r\nhost: x\r\n",),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nab",),
        (CHUNKED + b"ffffffff\r\nabc",),
        (CHUNKED + b"0\r\n",),
    ],
    ids=["target", "headers", "body", "chunk", "trailers"],
)
async def test_a_request_that_does_not_end_is_408(port: int, parts: tuple[bytes, ...]) -> None:
    received = await everything(port, *parts)

    assert statuses(received) == [408]
    assert b'"code":"request_timeout"' in received


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("drop", [b"x", b"GET / HTTP/1.1\r\nx: ", b"\r\n", CHUNKED + b"1\r\n"])
async def test_a_trickle_holds_no_connection(port: int, drop: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def trickle() -> None:
        writer.write(drop)
        while True:
            writer.write(drop[-1:])
            await asyncio.sleep(0.01)

    task = asyncio.create_task(trickle())
    await asyncio.wait_for(reader.read(), 3)
    task.cancel()
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_a_connection_without_a_request_ends_without_a_word(port: int) -> None:
    assert await everything(port) == b""


@pytest.mark.usefixtures("impatient")
async def test_an_answered_connection_that_stays_idle_ends_without_a_word(port: int) -> None:
    received = await everything(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")

    assert statuses(received) == [200]


async def test_a_slow_but_steady_body_is_taken(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(http_protocol, "BODY_STEP", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 15\r\n\r\n")
    for _ in range(15):
        writer.write(b"a")
        await asyncio.sleep(0.05)

    assert statuses(await asyncio.wait_for(reader.read(), 5)) == [200]
    writer.close()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("expect", [b"", b"expect: 100-continue\r\n"])
async def test_an_answer_may_take_its_time(port: int, app: App, expect: bytes) -> None:
    asyncio.get_running_loop().call_later(0.2, app.released.set)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /held HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n" + expect + b"\r\n")
    if expect:
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    await asyncio.wait_for(reader.readuntil(b"abc"), 5)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")

    assert statuses(await asyncio.wait_for(reader.read(), 5)) == [200]
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_a_web_socket_may_be_silent(port: int, app: App) -> None:
    asyncio.get_running_loop().call_later(0.2, app.released.set)
    handshake = (
        b"GET /talk HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )

    received = await everything(port, handshake)

    assert statuses(received) == [101]
    assert b"still here" in received


async def test_a_100_continue_is_not_sent_to_http_1_0(port: int) -> None:
    head = b"POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"

    assert statuses(await everything(port, head, b"abc")) == [200]


async def test_who_sends_a_large_body_that_nobody_wants_still_reads_the_answer(port: int) -> None:
    large = b"content-length: 8000000\r\n\r\n" + b"a" * 8_000_000
    for head in (
        b"POST /early HTTP/1.1\r\n",
        b"POST /early HTTP/1.1\r\nconnection: close\r\n",
        b"POST /early HTTP/1.0\r\n",
    ):
        received = await everything(port, head + large)

        assert statuses(received) == [200]
        assert received.count(b"connection: close") == 1


@pytest.mark.parametrize(
    "head", [b"expect: 100-continue\r\ncontent-length: 3\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"]
)
async def test_an_answer_before_a_body_that_may_never_come_ends_the_connection(port: int, head: bytes) -> None:
    received = await everything(port, b"POST /early HTTP/1.1\r\nhost: x\r\n" + head)

    assert statuses(received) == [200]
    assert b"connection: close" in received


async def test_the_rest_of_a_small_body_that_nobody_wants_is_skipped(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n")
    assert b"connection: close" not in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)

    writer.write(b"abc" + b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")

    assert statuses(await asyncio.wait_for(reader.read(), 5)) == [200]
    writer.close()


@pytest.mark.usefixtures("impatient")
async def test_a_body_that_stops_after_its_answer_gets_no_second_one(port: int) -> None:
    received = await everything(port, b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\na")

    assert statuses(received) == [200]


async def test_a_close_that_the_client_asked_for_waits_for_its_body(port: int, state: ServerState) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /early HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n\r\na")

    assert statuses(await asyncio.wait_for(reader.read(), 5)) == [200]
    assert state.connections
    writer.close()


@pytest.mark.parametrize(
    "broken",
    [b"nonsense\r\n\r\n", CHUNKED + b"zz\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"GET /#a HTTP/1.1\r\n\r\n"],
    ids=["line", "chunk", "header", "target"],
)
async def test_a_broken_request_does_not_answer_in_the_place_of_earlier_ones(
    port: int, app: App, broken: bytes
) -> None:
    held = b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n"

    received = await everything(port, held + held + broken + held, meanwhile=app.released.set)

    assert statuses(received) == [200, 200]
    assert app.seen == ["/held", "/held"]
    assert received.count(b"connection: close") == 1


async def test_a_client_can_not_send_any_number_of_requests_ahead(port: int, app: App) -> None:
    held = b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n"

    received = await everything(port, held * 1000, held * 1000, meanwhile=app.released.set)

    assert statuses(received) == [200] * (1 + MAX_PIPELINED)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux ends connections of silent readers")
async def test_a_client_that_does_not_read_holds_no_connection(
    port: int, state: ServerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "UNREAD_SECONDS", 0.2)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")

        async with asyncio.timeout(4):  # less than an idle connection lasts
            while not state.total_requests:  # noqa: ASYNC110  (nobody tells)
                await asyncio.sleep(0.01)
            while state.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_connection_that_ended_leaves_nothing_in_memory(port: int, state: ServerState) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc")
    await asyncio.wait_for(reader.readuntil(b"abc"), 5)
    gc.disable()
    try:
        (protocol,) = map(weakref.ref, state.connections)
        writer.close()
        async with asyncio.timeout(3):
            while protocol() is not None:  # noqa: ASYNC110  (nobody tells)
                await asyncio.sleep(0.01)
    finally:
        gc.enable()


class Waiting:
    """Takes all requests that are there as a whole, and answers none."""

    def __init__(self) -> None:
        self.cycles: list[AnswerCycle] = []
        self.left: list[AnswerCycle] = []
        self.in_parts = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.in_parts = True

    def take(self, cycle: AnswerCycle) -> bool:
        cycle.on_leave = lambda: self.left.append(cycle)
        self.cycles.append(cycle)
        return True


class TestTaken:
    @pytest.fixture
    def app(self) -> Waiting:
        return Waiting()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110  (nobody sets an event for it)
                await asyncio.sleep(0.001)

    async def test_a_client_that_leaves_is_told(self, port: int, app: Waiting, state: ServerState) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await self.until(lambda: bool(app.cycles))
        assert http_protocol.in_flight(state) == 1
        writer.close()

        await self.until(lambda: bool(app.left))
        assert app.left == app.cycles
        assert http_protocol.in_flight(state) == 0

    async def test_requests_behind_it_wait_for_its_answer(self, port: int, app: Waiting) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 3)
        await self.until(lambda: bool(app.cycles))
        for number in range(3):
            assert len(app.cycles) == number + 1
            app.cycles[number].answer(200, [(b"content-length", b"1")], b"%d" % number)
            assert (await reader.readuntil(b"\r\n\r\n%d" % number)).startswith(b"HTTP/1.1 200 ")
        writer.close()

    async def test_a_body_in_parts_is_not_taken(self, port: int, app: Waiting) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        with capture_logs():
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na")
            await self.until(lambda: app.in_parts)
        assert app.cycles == []
        writer.close()
