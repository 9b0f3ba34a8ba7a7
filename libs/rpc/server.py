"""The server side of the bridge: a threaded gRPC server that hands each call to the dispatcher's pool.

gRPC threads only wait, so health answers while all handler threads are busy, and long streams can park one each.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NoReturn

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.identity.principal import Call, Caller
from libs.identity.service_tokens import ServiceVerifier, TokenError
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc import http_bridge_pb2_grpc as pb_grpc
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.messages import call_of
from libs.rpc.options import SERVER_OPTIONS, address

log = structlog.get_logger(__name__)

THREADS = 64
MAX_CONCURRENT = 60
BRIDGE_NAME = "microtodo.http.v1.HttpBridge"

#: Tells whether the process is well, and what is wrong.
HealthCallable = Callable[[], tuple[bool, str]]


class BridgeServer:
    """Serves the HTTP bridge and `grpc.health.v1` of one process."""

    def __init__(
        self, dispatcher: Dispatcher, verifier: ServiceVerifier, *, host: str, port: int, health: HealthCallable
    ) -> None:
        """Prepare to listen on `host`:`port` (0: a free one); nothing starts yet, so a process may still fork."""
        self._dispatcher = dispatcher
        self._bridge = _Bridge(dispatcher, verifier)
        self._health = _Health(health)
        self._address = (host, port)
        self._server: grpc.Server | None = None

    @property
    def in_flight(self) -> int:
        """How many calls are being worked on."""
        return self._bridge.in_flight

    @property
    def queued(self) -> int:
        """How many calls wait for a handler thread."""
        return self._dispatcher.queued

    def start(self) -> int:
        """Listen and give the port; OSError where it is taken."""
        server = grpc.server(
            ThreadPoolExecutor(THREADS, thread_name_prefix="grpc"),
            maximum_concurrent_rpcs=MAX_CONCURRENT,
            options=SERVER_OPTIONS,
        )
        pb_grpc.add_HttpBridgeServicer_to_server(self._bridge, server)  # type: ignore[no-untyped-call]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)  # type: ignore[no-untyped-call]
        where = address(*self._address)
        try:
            port = server.add_insecure_port(where)
        except RuntimeError as error:
            raise OSError(f"MT_GRPC_PORT: can't listen on {where}") from error
        server.start()
        self._server = server
        return port

    def drain(self) -> None:
        """Say NOT_SERVING to health checks from now on; calls are still answered."""
        self._health.draining = True

    def stop(self, grace: float) -> None:
        """Refuse new calls, give running ones `grace` seconds, and end the dispatcher."""
        if self._server is not None:
            self._server.stop(grace).wait()
        self._dispatcher.close()


class _Bridge(pb_grpc.HttpBridgeServicer):
    def __init__(self, dispatcher: Dispatcher, verifier: ServiceVerifier) -> None:
        self._dispatcher = dispatcher
        self._verifier = verifier
        self._lock = threading.Lock()
        self.in_flight = 0

    def Handle(self, request: pb.Request, context: grpc.ServicerContext) -> pb.Response:  # noqa: N802  (gRPC's name)
        """Answer one request."""
        call = call_of(request, self._caller(context))
        with self._counted():
            return self._answer(request, call, context)

    def _caller(self, context: grpc.ServicerContext) -> Caller:
        metadata = dict(context.invocation_metadata())
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        try:
            return self._verifier.verify(token if scheme == "Bearer" else "")
        except TokenError as error:
            return _abort(context, grpc.StatusCode.UNAUTHENTICATED, f"a valid service token is needed: {error}")

    def _answer(self, request: pb.Request, call: Call, context: grpc.ServicerContext) -> pb.Response:
        future = self._dispatcher.submit(request, call)
        # A caller that left frees its place in the queue.
        context.add_callback(future.cancel)  # type: ignore[arg-type]
        try:
            return future.result(context.time_remaining())
        except (TimeoutError, CancelledError):
            future.cancel()
            return _abort(context, grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed")
        except Exception:
            log.exception("the application raised", path=request.raw_path.decode("latin-1"))
            return _abort(context, grpc.StatusCode.INTERNAL, "the application gave no answer")

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self.in_flight -= 1


class _Health(health_pb2_grpc.HealthServicer):
    """`grpc.health.v1` over a callable: the answer is live, and needs neither a token nor a handler thread."""

    def __init__(self, health: HealthCallable) -> None:
        self._ask = health
        self.draining = False

    def Check(  # noqa: N802  (gRPC's name)
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Answer SERVING or NOT_SERVING; what is wrong stays inside."""
        if request.service not in ("", BRIDGE_NAME):
            _abort(context, grpc.StatusCode.NOT_FOUND, "no such service")
        well = not self.draining and self._ask()[0]
        word = health_pb2.HealthCheckResponse.SERVING if well else health_pb2.HealthCheckResponse.NOT_SERVING
        return health_pb2.HealthCheckResponse(status=word)


def _abort(context: grpc.ServicerContext, code: grpc.StatusCode, text: str) -> NoReturn:
    context.abort(code, text)
    raise AssertionError("abort raises")
