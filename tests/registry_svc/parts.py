"""Real parts for the Registry's tests: a running Registry, and instances that answer health checks."""

import asyncio
import contextlib
import dataclasses
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
import requests
import uvicorn
from django.conf import settings
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from uuid_utils.compat import uuid7

from libs.discovery import HealthSpec, Lease, Load, Registration, RegistryDirectory
from libs.discovery.channels import channel, stub
from libs.identity.bundle import Bundle
from libs.identity.service_tokens import ServiceSigner, load_private_key
from registry_svc.instances.application import Application
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.policy import Policy
from registry_svc.instances.records import Record


def wait_until(condition: Callable[[], Any], timeout: float = 10.0) -> Any:
    """Wait for a condition; fail the test where it does not come true."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        pause.wait(0.01)
    raise AssertionError("the condition did not come true in time")


def signer(service: str) -> ServiceSigner:
    """Sign as any service of the test bundle."""
    return ServiceSigner(service, load_private_key(settings.KEYS_DIR / f"{service}.pem"))


class LoopThread:
    """An event loop on a thread, for all registries of a session: gRPC's asyncio side likes to stay on one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Any, timeout: float = 20.0) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@dataclass
class RunningRegistry:
    """A Registry that listens on free ports and can be stopped and started again on the same ones."""

    thread: LoopThread
    http_port: int = 0
    grpc_port: int = 0
    application: Application | None = None
    _server: uvicorn.Server | None = None
    _task: Any = None

    def start(self) -> "RunningRegistry":
        listening = socket.create_server(("127.0.0.1", self.http_port))
        self.http_port = listening.getsockname()[1]
        settings.HTTP_PORT, settings.GRPC_PORT = self.http_port, self.grpc_port
        self.application = Application()
        config = uvicorn.Config(self.application, lifespan="on", log_config=None, ws="none", http="httptools")
        self._server = uvicorn.Server(config)
        self._task = asyncio.run_coroutine_threadsafe(self._server.serve(sockets=[listening]), self.thread.loop)
        wait_until(lambda: self._server and self._server.started)
        assert self.application.node
        self.grpc_port = self.application.node.server.port
        return self

    def stop(self) -> None:
        if self._server:
            self._server.should_exit = True
            self._task.result(15)
            self._server = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def node(self) -> Any:
        assert self.application
        assert self.application.node
        return self.application.node

    def request(self, method: str, path: str, service: str = "", **options: Any) -> requests.Response:
        """Send an HTTP request as `service`, or as a stranger."""
        headers = dict(options.pop("headers", {}))
        if service:
            headers["Authorization"] = f"Bearer {signer(service).token('registry')}"
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, f"{self.url}{path}", headers=headers, timeout=15, **options)

    def get(self, path: str, service: str = "", **options: Any) -> requests.Response:
        return self.request("GET", path, service, **options)

    def post(self, path: str, service: str = "", **options: Any) -> requests.Response:
        return self.request("POST", path, service, **options)

    @contextlib.contextmanager
    def rpc(self) -> Iterator[Any]:
        """Open a channel and give the Registry's methods."""
        with channel(self.address) as opened:
            yield stub(opened)

    def call(self, method: str, message: Any, service: str = "") -> Any:
        """Call a unary method as `service`, or as a stranger."""
        with self.rpc() as methods:
            return getattr(methods, method)(message, timeout=15, metadata=as_metadata(service))

    def with_long_leases(self) -> "RunningRegistry":
        """Let those who register from now on live a minute without beats."""
        self.node.catalog.policy = dataclasses.replace(self.node.catalog.policy, ttl=60.0)
        self.node.sweeper.pace()
        return self

    def states(self, service: str) -> dict[str, str]:
        return {each.id: each.state for each in self.node.catalog.snapshot(service).items}


def as_metadata(service: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {signer(service).token('registry')}"),) if service else ()


class GrpcInstance:
    """An instance that answers gRPC health checks as it is told."""

    def __init__(self) -> None:
        self._server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.serving(True)
        self._server.start()

    def serving(self, well: bool) -> None:
        status = health_pb2.HealthCheckResponse
        self._health.set("", status.SERVING if well else status.NOT_SERVING)

    def stop(self) -> None:
        self._server.stop(0).wait(5)


class HttpInstance:
    """An instance that answers HTTP health checks with the status it is told, and counts them."""

    def __init__(self) -> None:
        outer = self
        self.status = 200
        self.checks = 0
        self.release = threading.Event()
        self.release.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.checks += 1
                outer.release.wait(10)
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def registration(service: str = "todo", instance_id: str = "todo-1", **fields: Any) -> Registration:
    """Make a registration; by default its health check is fast."""
    health_spec = fields.pop("health", HealthSpec(interval=0.5, timeout=1.0))
    incarnation = fields.pop("incarnation", None) or str(uuid7())
    return Registration(service, instance_id, incarnation, "127.0.0.1", health=health_spec, **fields)


def catalog_of(journal: Any, note: Callable[[str], None], clock: Any = time.monotonic, **policy: Any) -> Catalog:
    """Make a catalog of the test bundle, without a Registry around it."""
    bundle = Bundle.load(settings.KEYS_DIR / "services.json")
    return Catalog(bundle, journal, note, me="registry-1", policy=Policy(slow_start=0.0, **policy), clock=clock)


def record(mine: Registration, expires: float = 1e9, **fields: Any) -> Record:
    """Make the record of an instance that is up."""
    return Record(mine, "internal", datetime.now(UTC), "up", expires, "registry-1", **fields)


@dataclass
class Clients:
    """Leases and directories of a test, all stopped at its end."""

    registry: RunningRegistry
    _open: list[Any] = field(default_factory=list)

    def lease(self, mine: Registration, *, http_only: bool = False) -> Lease:
        addresses = [] if http_only else [self.registry.address]
        lease = Lease(mine, addresses, signer(mine.type), lambda: Load(3, 0.5, 1), [self.registry.url])
        lease.start()
        self._open.append(lease)
        return lease

    def directory(self, service: str = "gateway", *, http_only: bool = False) -> RegistryDirectory:
        addresses = [] if http_only else [self.registry.address]
        directory = RegistryDirectory(addresses, signer(service), [self.registry.url])
        self._open.append(directory)
        return directory

    def close(self) -> None:
        for each in reversed(self._open):
            each.stop()
