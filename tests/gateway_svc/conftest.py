import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pytest

from gateway_svc.routing.application import Gateway
from libs.discovery import install
from libs.rpc.client import BridgeClient
from libs.service.identity import signer
from tests.gateway_svc.line import Line
from tests.gateway_svc.services import Auth, Echo, StaticDirectory, World

Headers = list[tuple[bytes, bytes]]


@pytest.fixture
def directory() -> Iterator[StaticDirectory]:
    client, known = BridgeClient(signer()), StaticDirectory()
    install(known, client)
    yield known
    client.close()


@pytest.fixture
def world(directory: StaticDirectory) -> Iterator[World]:
    running = World(directory)
    yield running
    running.stop()


@pytest.fixture
def auth(world: World) -> Auth:
    service = Auth()
    world.run("auth", service, routes=("/v1/auth", "/.well-known/jwks.json"))
    return service


@pytest.fixture
def todo(world: World) -> Echo:
    service = Echo()
    world.run("todo", service, routes=("/v1/lists", "/v1/tasks"))
    return service


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Headers
    body: bytes

    def __getitem__(self, name: str) -> str:
        return dict(self.headers)[name.encode()].decode()

    def __contains__(self, name: str) -> bool:
        return name.encode() in dict(self.headers)

    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[..., Awaitable[Reply]]


def http_scope(method: str, path: str, headers: Headers, **changes: Any) -> dict[str, Any]:
    raw_path, _, query = path.partition("?")
    return {
        "type": "http", "http_version": "1.1", "method": method, "path": unquote(raw_path),
        "raw_path": raw_path.encode("latin-1"), "query_string": query.encode(), "scheme": "http",
        "headers": [(b"host", b"api.test"), *headers], "client": ("203.0.113.7", 5), "server": ("127.0.0.1", 8080),
        **changes,
    }  # fmt: skip


@pytest.fixture
async def gateway(directory: StaticDirectory) -> AsyncIterator[Gateway]:
    running = Gateway()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture(params=["at_once", "in_a_task"])
def ask(gateway: Gateway, request: pytest.FixtureRequest) -> Ask:
    """Send a request through the whole pipeline, as uvicorn would: either way, which answer alike."""

    async def send_request(
        method: str,
        path: str,
        headers: Headers | None = None,
        body: bytes = b"",
        only_headers: Headers | None = None,
    ) -> Reply:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        given = headers or []
        if body and b"content-length" not in dict(given):
            given = [*given, (b"transfer-encoding", b"chunked")]
        scope = http_scope(method, path, given)
        if only_headers is not None:
            scope["headers"] = only_headers
        declared = int(dict(scope["headers"]).get(b"content-length", len(body)))
        if request.param == "at_once" and declared == len(body):
            line = Line(scope, body)
            if not gateway.pipeline.take(line.cycle):
                line.run_in_task(line.cycle, gateway.pipeline)
            return Reply(*await line.answer())
        await gateway.pipeline(scope, receive, send)
        return Reply(sent[0]["status"], sent[0]["headers"], sent[1]["body"])

    return send_request
