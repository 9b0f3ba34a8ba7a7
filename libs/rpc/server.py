"""The server side of the bridge: a threaded gRPC server that hands each request to the dispatcher's pool.

    Handle     one request, one answer: service to service, tools, debugging
    Exchange   many on one stream (`libs.rpc.exchange`): the gateway's
    Transfer   one with a body of any size, or the answer that an Exchange has parked (`libs.rpc.parking`)

gRPC threads only wait, so health answers while all handler threads are busy, and long streams can park one each.
"""

import asyncio
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NoReturn, TypeVar
from urllib.parse import unquote_to_bytes

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.identity.principal import Call, Caller
from libs.identity.service_tokens import ServiceVerifier, TokenError
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc import http_bridge_pb2_grpc as pb_grpc
from libs.rpc.dispatcher import Dispatcher, Overloaded
from libs.rpc.exchange import MAX_FRAME_BODY, Exchange
from libs.rpc.messages import call_of
from libs.rpc.options import SERVER_OPTIONS, address
from libs.rpc.parking import Parkable, Parking, Ready
from libs.rpc.streams import LoopStream, Stream
from libs.rpc.transfer import Upload, parts_of

T = TypeVar("T")
log = structlog.get_logger(__name__)

THREADS = 64
MAX_CONCURRENT = 60
BRIDGE_NAME = "microtodo.http.v1.HttpBridge"

#: Tells whether the process is well, and what is wrong.
HealthCallable = Callable[[], tuple[bool, str]]

#: Sent as soon as an Exchange is accepted: before it, the gateway knows that nothing was begun.
ACCEPTED = (("mt-accepted", "1"),)


class BridgeServer:
    """Serves the HTTP bridge and `grpc.health.v1` of one process."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        verifier: ServiceVerifier,
        *,
        host: str,
        port: int,
        health: HealthCallable,
        streams: Mapping[str, Stream] | None = None,
    ) -> None:
        """Prepare to listen on `host`:`port` (0: a free one); nothing starts yet, so a process may still fork."""
        self._dispatcher = dispatcher
        self._bridge = _Bridge(dispatcher, verifier, streams or {})
        self._health = _Health(health)
        self._address = (host, port)
        self._server: grpc.Server | None = None

    @property
    def in_flight(self) -> int:
        """How many requests are being worked on."""
        return self._bridge.in_flight

    @property
    def queued(self) -> int:
        """How many requests wait for a handler thread."""
        return self._dispatcher.queued

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> int:
        """Listen and give the port; OSError where it is taken. Streaming routes run on `loop`."""
        self._bridge.loop = loop
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
        """Say NOT_SERVING to health checks and refuse what is new on streams; what is under way is still answered."""
        self._health.draining = True
        self._bridge.drain()

    def stop(self, grace: float) -> None:
        """Refuse new calls, give running ones `grace` seconds, and end the dispatcher."""
        self._bridge.drain()
        if self._server is not None:
            self._server.stop(grace).wait()
        self._bridge.close()
        self._dispatcher.close()


class _Bridge(pb_grpc.HttpBridgeServicer):
    """The three calls. It is the `Host` of its Exchanges."""

    def __init__(self, dispatcher: Dispatcher, verifier: ServiceVerifier, streams: Mapping[str, Stream]) -> None:
        self.dispatcher = dispatcher
        self.draining = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self._verifier = verifier
        self._streams = streams
        self._parking = Parking()
        self._lock = threading.Lock()
        self._exchanges: set[Exchange] = set()
        self._endless: set[LoopStream] = set()
        self._calls = 0

    @property
    def in_flight(self) -> int:
        return self._calls + sum(exchange.in_flight for exchange in list(self._exchanges))

    def drain(self) -> None:
        """Let each Exchange end with its last answer, and streams without an end at once: their callers come back."""
        self.draining = True
        for exchange in list(self._exchanges):
            exchange.finish()
        for stream in list(self._endless):
            stream.close()

    def close(self) -> None:
        """Give up what nobody collected."""
        self._parking.close()

    def Handle(self, request: pb.Request, context: grpc.ServicerContext) -> pb.Response:  # noqa: N802  (gRPC's name)
        """Answer one request."""
        call = call_of(request, self._caller(context))
        with self._counted():
            return self._in_time(lambda: self.dispatcher.dispatch(request, call), request, context)

    def Exchange(  # noqa: N802  (gRPC's name)
        self, incoming: Iterator[pb.Frames], context: grpc.ServicerContext
    ) -> Iterator[pb.RawFrames]:
        """Answer the requests of a stream as they come."""
        exchange = Exchange(self, self._caller(context), incoming)
        if self.draining:
            _abort(context, grpc.StatusCode.UNAVAILABLE, "the instance is stopping")
        context.send_initial_metadata(ACCEPTED)
        context.add_callback(exchange.abandon)
        self._exchanges.add(exchange)
        try:
            yield from exchange.messages()
        finally:
            self._exchanges.discard(exchange)

    def Transfer(  # noqa: N802  (gRPC's name)
        self, incoming: Iterator[pb.Part], context: grpc.ServicerContext
    ) -> Iterator[pb.Part]:
        """Answer one request in parts, or give a parked answer out."""
        caller = self._caller(context)
        opening = next(incoming, pb.Part())
        with self._counted():
            if opening.WhichOneof("kind") == "collect":
                yield from self._collected(opening.collect, caller, context)
            elif opening.WhichOneof("kind") == "request":
                yield from self._streamed(opening.request, incoming, caller, context)
            else:
                _abort(context, grpc.StatusCode.INVALID_ARGUMENT, "a transfer begins with a request or a collect")

    def answer(self, request: pb.Request, call: Call) -> pb.Response | str:
        """Answer on this thread; a text is the token of a parked answer."""
        answer = self.dispatcher.begin(request, call, limit=MAX_FRAME_BODY)
        return answer if isinstance(answer, pb.Response) else self._parking.park(call.caller.service, Ready(answer))

    def prepare(self, request: pb.Request, call: Call) -> str | None:
        """Give the token of a parked answer where a streaming route is asked for."""
        stream = self._stream(request, call)
        return self._parking.park(call.caller.service, stream) if stream else None

    def _stream(self, request: pb.Request, call: Call) -> LoopStream | None:
        if not self._streams:
            return None
        found = self._streams.get(unquote_to_bytes(request.raw_path).decode("latin-1"))
        return LoopStream(self.loop, found, request, call) if found and self.loop else None

    def _collected(self, token: str, caller: Caller, context: grpc.ServicerContext) -> Iterator[pb.Part]:
        parked = self._parking.collect(caller.service, token)
        if parked is None:
            _abort(context, grpc.StatusCode.NOT_FOUND, "no such answer is parked")
        yield from self._open(parked, context)

    def _streamed(
        self, request: pb.Request, incoming: Iterator[pb.Part], caller: Caller, context: grpc.ServicerContext
    ) -> Iterator[pb.Part]:
        call = call_of(request, caller)
        stream = self._stream(request, call)
        if stream is not None:
            yield from self._open(stream, context)
            return
        body = io.BufferedReader(Upload(incoming, request.body_length)) if request.body_length else None
        begin = self.dispatcher.begin
        answer = self._in_time(lambda: begin(request, call, limit=MAX_FRAME_BODY, body=body), request, context)
        yield from parts_of(answer)

    def _open(self, parked: Parkable, context: grpc.ServicerContext) -> Iterator[pb.Part]:
        endless = parked if isinstance(parked, LoopStream) else None
        if endless:
            self._endless.add(endless)
            if not context.add_callback(endless.close) or self.draining:
                endless.close()
        try:
            yield from parts_of(parked.open())
        finally:
            parked.close()
            if endless:
                self._endless.discard(endless)

    def _caller(self, context: grpc.ServicerContext) -> Caller:
        metadata = dict(context.invocation_metadata())
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        try:
            return self._verifier.verify(token if scheme == "Bearer" else "")
        except TokenError as error:
            return _abort(context, grpc.StatusCode.UNAUTHENTICATED, f"a valid service token is needed: {error}")

    def _in_time(self, job: Callable[[], T], request: pb.Request, context: grpc.ServicerContext) -> T:
        """Run `job` on a handler thread, and wait for it as long as the call may take."""
        try:
            future = self.dispatcher.run(job)
        except Overloaded as error:
            _abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, error.detail)
        # A caller that left frees its place in the queue.
        context.add_callback(future.cancel)  # type: ignore[arg-type]
        try:
            return future.result(min(context.time_remaining(), threading.TIMEOUT_MAX))
        except (TimeoutError, CancelledError):
            future.cancel()
            _abort(context, grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed")
        except Exception:
            log.exception("the application raised", path=request.raw_path.decode("latin-1"))
            _abort(context, grpc.StatusCode.INTERNAL, "the application gave no answer")

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._calls += 1
        try:
            yield
        finally:
            with self._lock:
                self._calls -= 1


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
