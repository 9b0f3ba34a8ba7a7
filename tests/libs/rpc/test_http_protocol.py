import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from libs.rpc.asgi import refuse_websocket
from libs.rpc.http_protocol import MAX_HEADER_BYTES, PublicHttpProtocol


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await refuse_websocket(scope, send)
        return
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(
        app, http=PublicHttpProtocol, ws="websockets-sansio", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server._serve([listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await asyncio.wait_for(task, 5)


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
        (b"GET /" + b"p" * (MAX_HEADER_BYTES + 1) + b" HTTP/1.1\r\nhost: x\r\n\r\n",),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbig: ", *([b"v" * 40_000] * 20)),  # it never ends
    ],
    ids=["many", "one", "target", "endless"],
)
async def test_a_header_section_above_the_limit_is_431(port: int, parts: tuple[bytes, ...]) -> None:
    status, headers, body = await talk(port, *parts)

    assert status == 431
    assert json.loads(body)["code"] == "headers_too_large"
    assert headers["connection"] == "close"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
async def test_a_malformed_request_is_a_problem_with_a_request_id(port: int, request_bytes: bytes) -> None:
    status, headers, body = await talk(port, request_bytes)

    assert status == 400
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["request_id"] == headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"


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
