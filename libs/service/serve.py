"""One instance = one process: HTTP, gRPC, lease, logs; on a signal it drains, finishes, deregisters and ends.

start   parts → bridge → HTTP → lease (others begin to call)
stop    lease drains → the change spreads → doors finish what is in flight → deregister → parts → logs
"""

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from libs import discovery
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.http_protocol import PublicHttpProtocol
from libs.rpc.http_protocol import in_flight as requests_of
from libs.rpc.server import BridgeServer
from libs.service.env import ConfigurationError
from libs.service.health import serving
from libs.service.identity import signer, verifier
from libs.service.platform import parts_of
from libs.service.traffic import to_metadata

log = structlog.get_logger(__name__)


class HttpServer(uvicorn.Server):
    """Uvicorn without its own signal handlers: a signal drains first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `Instance`."""
        yield


class CpuMeter:
    """Measures how many cores this process uses."""

    def __init__(self) -> None:
        """Begin to measure."""
        self._since = (time.monotonic(), time.process_time())

    def cores(self) -> float:
        """Give the cores used since the last question: 0.5 is half of one."""
        now, used = time.monotonic(), time.process_time()
        before, used_before = self._since
        self._since = (now, used)
        return round((used - used_before) / max(now - before, 1e-3), 3)


class Instance:
    """The running instance of this service."""

    def __init__(self) -> None:
        """Open the HTTP port; ConfigurationError where it is taken."""
        self.socket = listen(settings.HOST, settings.HTTP_PORT)
        check_free(settings.HOST, settings.GRPC_PORT)
        settings.HTTP_PORT = self.socket.getsockname()[1]
        self.parts = parts_of("SERVE_PARTS")
        self.bridge = self._bridge() if settings.BRIDGE else None
        self.http = HttpServer(self._http_config())
        self.lease: discovery.Lease | None = None
        self.cpu = CpuMeter()
        self.stopping = asyncio.Event()

    def _bridge(self) -> BridgeServer:
        dispatcher = Dispatcher(get_wsgi_application(), settings.HANDLER_THREADS, settings.HANDLER_QUEUE)
        streams = import_string(settings.STREAMS) if settings.STREAMS else {}
        return BridgeServer(
            dispatcher, verifier(), host=settings.HOST, port=settings.GRPC_PORT, health=serving, streams=streams
        )

    def _http_config(self) -> uvicorn.Config:
        return uvicorn.Config(
            import_string(settings.ASGI_APPLICATION),
            interface="asgi3",
            http=PublicHttpProtocol,
            ws="websockets-sansio",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=int(settings.SHUTDOWN_SECONDS),
        )

    def _make_lease(self) -> discovery.Lease:
        registration = discovery.Registration(
            type=settings.SERVICE,
            id=settings.INSTANCE,
            incarnation=settings.INCARNATION,
            host=settings.ADVERTISE_HOST,
            http_port=settings.HTTP_PORT,
            grpc_port=settings.GRPC_PORT if settings.BRIDGE else 0,
            address=settings.PUBLIC_ADDRESS,
            routes=tuple(settings.ROUTES),
            weight=settings.WEIGHT,
            zone=settings.ZONE,
            version=settings.VERSION,
            metadata=to_metadata(settings.TRAFFIC),
            health=discovery.HealthSpec(kind="grpc" if settings.BRIDGE else "http"),
        )
        return discovery.Lease(registration, settings.REGISTRY_ADDRESSES, signer(), self.load, settings.REGISTRY_URLS)

    def load(self) -> discovery.Load:
        """Tell what this process works on."""
        in_flight = requests_of(self.http.server_state) + (self.bridge.in_flight if self.bridge else 0)
        queued = self.bridge.queued if self.bridge else 0
        return discovery.Load(in_flight, self.cpu.cores(), queued)

    async def run(self) -> None:
        """Serve until a signal, or until standard input closes under a supervisor."""
        self._listen_for_the_end()
        await asyncio.to_thread(self.parts.start)  # parts may use the database
        try:
            await self._serve()
        finally:
            await asyncio.to_thread(self.parts.stop)

    async def _serve(self) -> None:
        if self.bridge:
            settings.GRPC_PORT = self._open_bridge(self.bridge)
        http = asyncio.create_task(self.http.serve(sockets=[self.socket]))
        await self._until_started(http)
        if settings.REGISTERS:
            self.lease = self._make_lease()
            self.lease.start()
        log.info("serving", http_port=settings.HTTP_PORT, grpc_port=settings.GRPC_PORT, version=settings.VERSION)
        stop = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({stop, http}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        await self._drain(http)

    @staticmethod
    def _open_bridge(bridge: BridgeServer) -> int:
        try:
            return bridge.start(asyncio.get_running_loop())
        except OSError as error:
            raise ConfigurationError(str(error)) from None

    async def _until_started(self, http: asyncio.Task[None]) -> None:
        while not self.http.started:
            if http.done():
                raise ConfigurationError(f"{settings.ASGI_APPLICATION} did not start; its log says why")
            await asyncio.sleep(0.01)

    async def _drain(self, http: asyncio.Task[None]) -> None:
        log.info("draining")
        if self.lease:
            await asyncio.to_thread(self.lease.drain)
            await asyncio.sleep(settings.DRAIN_SECONDS)
        self._end_streams()
        self.http.should_exit = True
        if self.bridge:
            self.bridge.drain()
            await asyncio.to_thread(self.bridge.stop, settings.SHUTDOWN_SECONDS)
        await http
        if self.lease:
            await asyncio.to_thread(self.lease.stop)
        log.info("stopped")

    def _end_streams(self) -> None:
        """Let requests that only wait be answered now, where the application has any."""
        end = getattr(self.http.config.app, "end_streams", None)
        if end is not None:
            end()

    def _listen_for_the_end(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        if settings.SUPERVISED:
            when_stdin_closes(lambda: loop.call_soon_threadsafe(self.stopping.set))


def listen(host: str, port: int, variable: str = "MT_HTTP_PORT") -> socket.socket:
    """Open a listening socket; ConfigurationError names the port where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if error.errno is None or error.errno < 0:  # not from the system but from the search for the name
            raise ConfigurationError(f"MT_HOST: there is no {host!r} to listen on") from None
        raise ConfigurationError(f"{variable}: can't listen on {host}:{port}: {os.strerror(error.errno)}") from None


def check_free(host: str, grpc_port: int) -> None:
    """Refuse a taken gRPC port before anything starts."""
    if grpc_port:
        listen(host, grpc_port, "MT_GRPC_PORT").close()


def when_stdin_closes(callback: Callable[[], object]) -> None:
    """Call back when standard input ends: the supervisor that held its other end is gone."""

    def wait() -> None:
        while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
            pass
        callback()

    threading.Thread(target=wait, name="supervisor-watch", daemon=True).start()
