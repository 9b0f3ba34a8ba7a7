"""How the commands' tests call one: over the command line's own parser, against a running Registry."""

import http.server
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from tests.registry_svc.parts import Clients, GrpcInstance, RunningRegistry, registration, wait_until

Printed = Callable[..., list[str]]
Serve = Callable[..., int]


@pytest.fixture
def printed() -> Printed:
    """Run a command and give the lines that it prints."""

    def run(*arguments: str, **options: Any) -> list[str]:
        out = StringIO()
        call_command(*arguments, stdout=out, **options)
        return out.getvalue().splitlines()

    return run


@pytest.fixture
def todo(registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance, settings: Any) -> RunningRegistry:
    """A Registry of the settings that knows an instance of todo, which beats."""
    settings.REGISTRY_ADDRESSES, settings.REGISTRY_URLS = [registry.address], [registry.url]
    clients.lease(registration(grpc_port=grpc_instance.port, zone="north", version="1.2", weight=50))
    wait_until(lambda: registry.states("todo") == {"todo-1": "up"})
    return registry


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve HTTP with a body, and a clock that is ahead by some seconds (None: it tells no time); give the port."""
    servers = []

    def start(body: bytes = b"", ahead: float | None = 0.0) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response_only(200)
                if ahead is not None:
                    self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                return

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
        return int(server.server_address[1])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
