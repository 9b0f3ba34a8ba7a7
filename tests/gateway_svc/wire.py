"""A gateway that listens on a real port, the service behind it, and a client that speaks in bytes.

The client trusts nobody: each answer it reads is checked for its framing and for what every answer must carry.
"""

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self, cast

import uvicorn
import uvloop
from django.test import override_settings
from structlog.testing import capture_logs

from gateway_svc.routing.application import make_application
from libs.discovery import install
from libs.identity.principal import ENVIRON_KEY
from libs.rpc.client import BridgeClient
from libs.rpc.http_protocol import PublicHttpProtocol
from libs.service.identity import signer
from libs.telemetry.outlet import Current, Outlet
from tests.gateway_svc.services import StaticDirectory, World

PATIENCE = 10.0
PROBLEM = "application/problem+json"
GET = b"GET /v1/lists HTTP/1.1\r\nHost: api.test\r\n"
OK = ("200 OK", [("Content-Type", "text/plain")], b"ok")


class Service:
    """Records what arrives, and answers as it was told: 200 where nobody told it."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answers: list[tuple[str, list[tuple[str, str]], bytes]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.seen.append(Seen(environ, environ["wsgi.input"].read()))
        status, headers, body = self.answers.pop(0) if self.answers else OK
        start_response(status, headers)
        return [body]

    @property
    def last(self) -> "Seen":
        """What arrived last."""
        return self.seen[-1]


class Records:
    """Takes the place of the process's outlet, and keeps what is logged of requests."""

    level = logging.INFO

    def __init__(self) -> None:
        self.by_request: dict[str, dict[str, Any]] = {}

    def emit(self, *_: Any, **__: Any) -> None:
        """Pass over what is not of a request."""

    def emit_all(self, level: int, logger: str, message: str, records: list[tuple[float, dict[str, Any]]]) -> None:
        self.by_request |= {attributes["request_id"]: attributes for _, attributes in records}

    def of(self, answer: "Answer") -> dict[str, Any]:
        """Wait for the access log's line about `answer`, which is written behind it."""
        deadline = time.monotonic() + PATIENCE
        while answer["x-request-id"] not in self.by_request:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return self.by_request[answer["x-request-id"]]


@dataclass(frozen=True)
class Seen:
    """A request as the service sees it."""

    environ: dict[str, Any]
    body: bytes

    @property
    def target(self) -> str:
        """Method and path."""
        return f"{self.environ['REQUEST_METHOD']} {self.environ['PATH_INFO']}"

    @property
    def client_ip(self) -> str:
        """The client's address as the gateway determined it."""
        return str(self.environ[ENVIRON_KEY].client_ip)

    @property
    def headers(self) -> dict[str, str]:
        """All headers, by their names on the wire."""
        named = {key.removeprefix("HTTP_"): value for key, value in self.environ.items() if key.startswith("HTTP_")}
        return {key.lower().replace("_", "-"): value for key, value in named.items()}


@dataclass
class Answer:
    """An answer as it came over the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    interim: list[int] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key == name]

    def __getitem__(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection. Whatever takes longer than `PATIENCE` is a TimeoutError."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def send(self, *pieces: bytes) -> "Client":
        """Send pieces, each in a packet of its own; a server that hung up meanwhile is no error."""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                self._socket.sendall(piece)
        return self

    def end(self) -> "Client":
        """Say that nothing more will come."""
        self._socket.shutdown(socket.SHUT_WR)
        return self

    def answer(self, method: str = "GET", *, may_be_500: bool = False) -> Answer:
        """Read one answer to a request with `method`."""
        interim = []
        while (answer := self._head()).status < 200:
            interim.append(answer.status)
        answer.interim = interim
        answer.body = self._body(answer, method)
        assert may_be_500 or answer.status != 500
        check(answer)
        return answer

    def line(self) -> bytes:
        """Read a head that is one line."""
        return self._until(b"\r\n\r\n")

    def is_closed(self) -> bool:
        """Wait for the end of the connection; tell whether it came with nothing in front of it."""
        with contextlib.suppress(ConnectionError):
            while self._more():
                pass
        return not self._buffer

    def until_closed(self) -> list[Answer]:
        """Read all answers until the connection ends."""
        answers = []
        while self._buffer or self._has_more():
            answers.append(self.answer())
        return answers

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _has_more(self) -> bool:
        with contextlib.suppress(ConnectionError):
            return bool(self._more())
        return False

    def _more(self) -> bytes:
        received = self._socket.recv(65536)
        self._buffer += received
        return received

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if not self._more():
                raise EOFError(self._buffer)
        taken, _, self._buffer = self._buffer.partition(mark)
        return taken

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._more():
                raise EOFError(self._buffer)
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _head(self) -> Answer:
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return Answer(int(status), headers)

    def _body(self, answer: Answer, method: str) -> bytes:
        lengths, codings = answer.all("content-length"), answer.all("transfer-encoding")
        assert len(lengths) + len(codings) <= 1
        if answer.status in (204, 304):
            assert not lengths
            assert not codings
        if method == "HEAD" or answer.status in (204, 304):
            return b""
        if lengths:
            return self._exactly(int(lengths[0]))
        assert codings == ["chunked"]
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
        assert self._exactly(2) == b"\r\n"
        return body


def check(answer: Answer) -> None:
    """Check what every answer must carry, and every refusal."""
    assert len(answer.all("date")) == 1
    assert not answer.all("server")
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert len(answer["x-request-id"]) == 36
    if answer.body and answer.headers and answer.all("content-type") == [PROBLEM]:
        problem = answer.json()
        assert problem.keys() >= {"type", "title", "status", "detail", "instance", "code", "request_id"}
        assert (problem["status"], problem["request_id"]) == (answer.status, answer["x-request-id"])


@dataclass
class Wire:
    """A listening gateway, with the service behind it."""

    addresses: list[tuple[str, int]]
    service: Service
    records: Records

    def connect(self) -> Client:
        """Open a connection."""
        return Client(self.addresses[0])

    def fresh(self) -> "Wire":
        """Forget what was."""
        self.service.seen.clear()
        self.service.answers.clear()
        return self

    def get(self, *lines: str | bytes, method: str = "GET") -> Answer:
        """Send a request with more header lines."""
        raw = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\r\n" for line in lines)
        return self.ask(GET.replace(b"GET", method.encode()) + raw + b"\r\n", method=method)

    def told(self, status: str, *headers: tuple[str, str], body: bytes = b"", method: str = "GET") -> Answer:
        """Send a request that the service answers so."""
        self.service.answers.append((status, list(headers), body))
        return self.get(method=method)

    def ask(self, *pieces: bytes, method: str = "GET") -> Answer:
        """Send one request over a connection of its own, and give its answer."""
        with self.connect() as client:
            return client.send(*pieces).answer(method)


@contextlib.contextmanager
def listening(**settings: Any) -> Iterator[Wire]:
    """Run a gateway with `settings` on a loop and a thread of its own, as `serve` would; one at a time."""
    directory, service, client = StaticDirectory(), Service(), BridgeClient(signer())
    install(directory, client)
    world = World(directory)
    world.run("todo", service, routes=("/v1/lists", "/v1/tasks"))
    with override_settings(**settings), recorded() as records, contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listener) for listener in _listeners()]
        server = _server()
        thread = threading.Thread(target=_run, args=(server, listeners), name="gateway")
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.001)
            yield Wire([listener.getsockname()[:2] for listener in listeners], service, records)
        finally:
            server.should_exit = True
            thread.join()
            world.stop()
            client.close()


@contextlib.contextmanager
def recorded() -> Iterator[Records]:
    """Keep what is logged meanwhile, and print nothing."""
    records, before = Records(), Current.outlet
    Current.outlet = cast("Outlet", records)
    with capture_logs():
        yield records
    Current.outlet = before


def _listeners() -> Iterator[socket.socket]:
    """Listen on IPv4, and on IPv6 where this machine has it."""
    yield socket.create_server(("127.0.0.1", 0))
    with contextlib.suppress(OSError):
        yield socket.create_server(("::1", 0), family=socket.AF_INET6)


def _server() -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            make_application(),
            interface="asgi3",
            http=PublicHttpProtocol,
            ws="websockets-sansio",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


def _run(server: uvicorn.Server, listeners: list[socket.socket]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server._serve(listeners))
