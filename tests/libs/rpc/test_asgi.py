import json
from collections.abc import Callable
from typing import Any

import pytest

from libs.contracts.errors import Unauthenticated
from libs.identity.principal import ENVIRON_KEY, Call, Caller
from libs.rpc.asgi import HttpDoor
from libs.rpc.dispatcher import Dispatcher

Headers = list[tuple[bytes, bytes]]


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    call = environ[ENVIRON_KEY]
    start_response("200 OK", [("X-Caller", call.caller.kind), ("X-Ip", call.client_ip)])
    return [environ["wsgi.input"].read()]


def broken(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    raise ValueError("secret")


def door(app: Any = echo, identify: Callable[[Any], Call] = lambda headers: Call(), max_body: int = 10) -> HttpDoor:
    return HttpDoor(Dispatcher(app), identify, max_body)


async def ask(
    app: HttpDoor, method: str = "GET", path: bytes = b"/", headers: Headers | None = None, *chunks: bytes
) -> tuple[int, dict[bytes, bytes], bytes]:
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path.decode("latin-1"), "raw_path": path, "query_string": b"",
        "scheme": "http", "headers": headers or [], "client": ("10.0.0.7", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def test_carries_a_request_through_the_dispatcher() -> None:
    status, headers, body = await ask(door(), "POST", b"/", [(b"host", b"x")], b"one", b"two")

    assert (status, body) == (200, b"onetwo")
    assert headers[b"x-ip"] == b"10.0.0.7"
    assert headers[b"content-length"] == b"6"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert len(headers[b"x-request-id"]) == 36


async def test_asks_who_calls() -> None:
    _, headers, _ = await ask(door(identify=lambda headers: Call(Caller.of("admin"), request_id="mine")))

    assert headers[b"x-caller"] == b"admin"
    assert headers[b"x-request-id"] == b"mine"


async def test_a_refused_caller_gets_a_problem() -> None:
    def refuse(headers: Any) -> Call:
        raise Unauthenticated

    status, headers, body = await ask(door(identify=refuse))

    assert status == 401
    assert headers[b"www-authenticate"] == b"Bearer"
    assert json.loads(body)["request_id"] == headers[b"x-request-id"].decode()


@pytest.mark.parametrize(
    ("headers", "chunks"),
    [([(b"content-length", b"11")], ()), ([], (b"123456", b"123456"))],
)
async def test_refuses_a_body_above_the_limit(headers: Headers, chunks: tuple[bytes, ...]) -> None:
    status, _, body = await ask(door(), "POST", b"/", headers, *chunks)

    assert status == 413
    assert json.loads(body)["code"] == "payload_too_large"


async def test_refuses_an_ambiguous_path() -> None:
    assert (await ask(door(), path=b"/a/../b"))[0] == 400


async def test_an_exception_is_a_problem_without_its_text() -> None:
    status, headers, body = await ask(door(broken))

    assert status == 500
    assert b"secret" not in body
    assert headers[b"content-type"] == b"application/problem+json"


async def test_head_has_the_length_but_no_body() -> None:
    status, headers, body = await ask(door(), "HEAD", b"/", [], b"12345")

    assert (status, body, headers[b"content-length"]) == (200, b"", b"5")


async def test_follows_the_lifespan_and_refuses_web_sockets() -> None:
    sent: list[str] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await door()({"type": "lifespan"}, receive, send)
    await door()({"type": "websocket"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]


async def test_a_client_that_leaves_gets_no_answer() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "raw_path": b"/",
        "headers": [],
        "client": None,
    }
    await door()(scope, receive, send)
