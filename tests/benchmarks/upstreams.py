"""What the proxies of `gateway` stand in front of: the same kilobyte of JSON over HTTP, and over the bridge.

    python -m tests.benchmarks.upstreams http PORT
    python -m tests.benchmarks.upstreams services REGISTRY FOLDER

`http` is a server that costs next to nothing. `services` plays those that a gateway needs, each with a bridge and a
lease: todo (the answer), auth (keys, and that no session has ended) and logger (takes all). FOLDER has the keys of the
services, and `jwks.json`. Each prints "ready", and ends when its input does.
"""

import asyncio
import dataclasses
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httptools
import uvloop

from libs.discovery import HealthSpec, Lease
from libs.identity.bundle import Bundle
from libs.identity.service_tokens import ServiceSigner, ServiceVerifier, load_private_key
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.server import BridgeServer
from tests.benchmarks.registry import HOST, registration

PATH = "/v1/lists"
BODY = json.dumps({"items": [{"id": number, "title": "Buy milk"} for number in range(28)]}).encode().ljust(1024)
LARGE = 50 * 2**20  # bytes of the body at PATH/large, both ways
HEADERS = {"content-type": "application/json", "cache-control": "no-cache", "etag": '"18c5d2f0"'}

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Http(asyncio.Protocol):
    """A connection: the same answer to each request."""

    ANSWER = b"\r\n".join(
        [
            b"HTTP/1.1 200 OK",
            *(f"{name}: {value}".encode() for name, value in HEADERS.items()),
            f"content-length: {len(BODY)}\r\n\r\n".encode() + BODY,
        ]
    )

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer (called by the parser)."""
        self._transport.write(self.ANSWER)


async def http(port: str) -> None:
    """Serve until the end of the input."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Http, HOST, int(port), backlog=1024)
    await asyncio.to_thread(until_told)
    server.close()


def services(address: str, folder: str) -> None:
    """Run all three until the end of the input."""
    taken = answering(b"{}", {}, "202 Accepted")
    apps = {"todo": todo(), "auth": auth(Path(folder)), "logger": taken}
    with ExitStack() as stack:
        for service, app in apps.items():
            stack.enter_context(serving(service, app, address, Path(folder)))
        until_told()


def until_told() -> None:
    """Say "ready", and wait for the end of the input."""
    print("ready", flush=True)
    sys.stdin.read()


def answering(body: bytes, headers: dict[str, str], status: str = "200 OK") -> WSGI:
    """Make an application with one answer."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, list(headers.items()))
        return [body]

    return app


def todo() -> WSGI:
    """Make the answer that is measured, and one that is large both ways."""
    small, piece = answering(BODY, HEADERS), bytes(2**20)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ["PATH_INFO"].endswith("/large"):
            return small(environ, start_response)
        if environ["REQUEST_METHOD"] == "POST":
            size = 0
            while read := environ["wsgi.input"].read(2**16):
                size += len(read)
            return small(environ, start_response) if size == LARGE else []
        start_response("200 OK", [("content-length", str(LARGE))])
        return (piece for _ in range(LARGE // len(piece)))

    return app


def auth(folder: Path) -> WSGI:
    """Make what a gateway asks of Auth."""
    nobody = {"sessions": [], "jwks_version": "1", "cursor": "0"}
    answers = {
        "/.well-known/jwks.json": answering((folder / "jwks.json").read_bytes(), {}),
        "/internal/v1/revocations": answering(json.dumps(nobody).encode(), {}),
    }
    return lambda environ, start_response: answers[environ["PATH_INFO"]](environ, start_response)


@contextmanager
def serving(service: str, app: WSGI, registry: str, folder: Path) -> Any:
    """Run a bridge over an application, registered."""
    verifier = ServiceVerifier(Bundle.load(folder / "services.json"), service)
    server = BridgeServer(Dispatcher(app), verifier, host=HOST, port=0, health=lambda: (True, ""))
    routes = (PATH,) if service == "todo" else ()
    health = HealthSpec(kind="grpc")
    mine = registration(service, f"{service}-1", server.start(), health, routes=routes)
    mine = dataclasses.replace(mine, metadata={"traffic.max_body": str(LARGE)})
    lease = Lease(mine, [registry], ServiceSigner(service, load_private_key(folder / f"{service}.pem")))
    lease.start()
    try:
        assert lease.wait(10), f"{service} could not register"
        yield
    finally:
        lease.stop()
        server.stop(0)


if __name__ == "__main__":
    if sys.argv[1] == "http":
        uvloop.run(http(sys.argv[2]))
    else:
        services(*sys.argv[2:])
