"""The server side of the bridge: a gRPC server that hands each request to the dispatcher's pool.

    Handle     one request, one answer: service to service, tools, debugging
    Exchange   many on one stream (`libs.rpc.exchange`): the gateway's
    Transfer   one with a body of any size, or the answer that an Exchange has parked (`libs.rpc.parking`)

The server's loop only hands on. Health has a thread of its own, so it answers while all handler threads are busy, and
each transfer has one, which may wait for a slow caller.
"""

import asyncio
import io
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar
from urllib.parse import unquote_to_bytes

import grpc
import structlog
from grpc_health.v1 import health_pb2

from libs.identity.principal import Call, Caller
from libs.identity.service_tokens import ServiceVerifier, TokenError
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.client import HANDLE
from libs.rpc.dispatcher import Dispatcher, Overloaded
from libs.rpc.exchange import MAX_FRAME_BODY, Exchange
from libs.rpc.grpc_calls import Single, Threaded
from libs.rpc.grpc_server import GrpcError, GrpcServer, Method, ServerCall
from libs.rpc.messages import call_of
from libs.rpc.parking import Parkable, Parking, Ready
from libs.rpc.streams import LoopStream, Stream
from libs.rpc.transfer import Upload, parts_of

T = TypeVar("T")
log = structlog.get_logger(__name__)

MAX_TRANSFERS = 60
BRIDGE_NAME = "microtodo.http.v1.HttpBridge"
EXCHANGE = f"/{BRIDGE_NAME}/Exchange"
TRANSFER = f"/{BRIDGE_NAME}/Transfer"
HEALTH = "/grpc.health.v1.Health/Check"

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
        self._server: GrpcServer | None = None

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
        listening = self._listen()
        bridge = self._bridge
        methods: dict[str, Method] = {
            HANDLE: bridge.handle,
            EXCHANGE: bridge.exchange,
            TRANSFER: bridge.transfer,
            HEALTH: self._health.check,
        }
        self._server = GrpcServer(methods)
        self._server.start(listening)
        port: int = listening.getsockname()[1]
        return port

    def drain(self) -> None:
        """Say NOT_SERVING to health checks and refuse what is new on streams; what is under way is still answered."""
        self._health.draining = True
        self._bridge.drain()

    def stop(self, grace: float) -> None:
        """Refuse new calls, give running ones `grace` seconds, and end the dispatcher."""
        self._bridge.drain()
        if self._server is not None:
            self._server.stop(grace)
        self._bridge.close()
        self._health.close()
        self._dispatcher.close()

    def _listen(self) -> socket.socket:
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return socket.create_server((host, port), family=family, backlog=1024)
        except OSError as error:
            raise OSError(f"MT_GRPC_PORT: can't listen on {host}:{port}: {error}") from error


class _Bridge:
    """The three calls. It is the `Host` of its Exchanges."""

    def __init__(self, dispatcher: Dispatcher, verifier: ServiceVerifier, streams: Mapping[str, Stream]) -> None:
        self.dispatcher = dispatcher
        self.draining = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self._verifier = verifier
        self._streams = streams
        self._parking = Parking()
        self._transfers = ThreadPoolExecutor(MAX_TRANSFERS, thread_name_prefix="transfer")
        self._lock = threading.Lock()
        self._exchanges: dict[Exchange, ServerCall] = {}
        self._endless: set[LoopStream] = set()
        self._calls = 0  # of Handle
        self._transfers_open = 0

    @property
    def in_flight(self) -> int:
        exchanges = sum(exchange.in_flight for exchange in list(self._exchanges))
        return self._calls + self._transfers_open + exchanges

    def drain(self) -> None:
        """Let each Exchange end with its last answer, and streams without an end at once: their callers come back."""
        self.draining = True
        for exchange, call in list(self._exchanges.items()):
            call.soon(exchange.finish)
        for stream in list(self._endless):
            stream.close()

    def close(self) -> None:
        """Give up what nobody collected."""
        self._parking.close()
        self._transfers.shutdown(wait=False)

    def handle(self, call: ServerCall) -> Single:
        """Answer one request."""
        caller = self._caller(call)

        def begin(message: bytes) -> "Future[bytes]":
            request = pb.Request.FromString(message)
            asked = call_of(request, caller)
            future = self._run(lambda: self.dispatcher.dispatch(request, asked).SerializeToString())
            self._count(calls=1)
            future.add_done_callback(lambda _: self._count(calls=-1))
            return future

        return Single(call, begin)

    def exchange(self, call: ServerCall) -> Exchange:
        """Answer the requests of a stream as they come."""
        exchange = Exchange(self, self._caller(call), call)
        if self.draining:
            raise GrpcError(grpc.StatusCode.UNAVAILABLE, "the instance is stopping")
        call.accept(ACCEPTED)
        self._exchanges[exchange] = call
        return exchange

    def forget(self, exchange: Exchange) -> None:
        """Note that an Exchange has ended."""
        self._exchanges.pop(exchange, None)

    def transfer(self, call: ServerCall) -> Threaded:
        """Answer one request in parts, or give a parked answer out."""
        caller = self._caller(call)
        if self._transfers_open >= MAX_TRANSFERS:
            raise GrpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many transfers")
        threaded = Threaded(call)
        self._count(transfers=1)
        self._transfers.submit(self._transfer, threaded, caller)
        return threaded

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

    def _transfer(self, call: Threaded, caller: Caller) -> None:
        """Answer, on a thread of its own."""
        try:
            with closing(self._parts(call, caller)) as parts:
                for part in parts:
                    call.send(part.SerializeToString())
        except ConnectionResetError:
            pass  # nobody waits any more
        except GrpcError as error:
            call.finish(error.code, error.detail)
        except Exception:
            log.exception("a transfer failed")
            call.finish(grpc.StatusCode.INTERNAL, "the answer broke off")
        else:
            call.finish()
        finally:
            self._count(transfers=-1)

    def _parts(self, call: Threaded, caller: Caller) -> Generator[pb.Part]:
        incoming = map(pb.Part.FromString, call)
        opening = next(incoming, pb.Part())
        kind = opening.WhichOneof("kind")
        if kind == "collect":
            parked = self._parking.collect(caller.service, opening.collect)
            if parked is None:
                raise GrpcError(grpc.StatusCode.NOT_FOUND, "no such answer is parked")
            yield from self._open(parked, call)
        elif kind == "request":
            yield from self._streamed(opening.request, incoming, caller, call)
        else:
            raise GrpcError(grpc.StatusCode.INVALID_ARGUMENT, "a transfer begins with a request or a collect")

    def _streamed(
        self, request: pb.Request, incoming: Iterator[pb.Part], caller: Caller, call: Threaded
    ) -> Iterator[pb.Part]:
        asked = call_of(request, caller)
        stream = self._stream(request, asked)
        if stream is not None:
            yield from self._open(stream, call)
            return
        body = io.BufferedReader(Upload(incoming, request.body_length)) if request.body_length else None
        begin = self.dispatcher.begin
        future = self._run(lambda: begin(request, asked, limit=MAX_FRAME_BODY, body=body))
        call.add_callback(future.cancel)  # a caller that left frees its place in the queue
        try:
            answer = future.result()
        except CancelledError:
            raise GrpcError(grpc.StatusCode.CANCELLED, "the instance is stopping") from None
        yield from parts_of(answer)

    def _open(self, parked: Parkable, call: Threaded) -> Iterator[pb.Part]:
        endless = parked if isinstance(parked, LoopStream) else None
        if endless:
            self._endless.add(endless)
            if not call.add_callback(endless.close) or self.draining:
                endless.close()
        try:
            yield from parts_of(parked.open())
        finally:
            parked.close()
            if endless:
                self._endless.discard(endless)

    def _caller(self, call: ServerCall) -> Caller:
        scheme, _, token = call.metadata.get("authorization", "").partition(" ")
        try:
            return self._verifier.verify(token if scheme == "Bearer" else "")
        except TokenError as error:
            text = f"a valid service token is needed: {error}"
            raise GrpcError(grpc.StatusCode.UNAUTHENTICATED, text) from None

    def _run(self, job: Callable[[], T]) -> "Future[T]":
        try:
            return self.dispatcher.run(job)
        except Overloaded as error:
            raise GrpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, error.detail) from None

    def _count(self, calls: int = 0, transfers: int = 0) -> None:
        with self._lock:
            self._calls += calls
            self._transfers_open += transfers


class _Health:
    """`grpc.health.v1` over a callable: the answer is live, and needs neither a token nor a handler thread."""

    def __init__(self, health: HealthCallable) -> None:
        self._ask = health
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="health")
        self.draining = False

    def check(self, call: ServerCall) -> Single:
        """Answer SERVING or NOT_SERVING; what is wrong stays inside."""
        return Single(call, self._begin)

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(wait=False)

    def _begin(self, message: bytes) -> "Future[bytes]":
        if health_pb2.HealthCheckRequest.FromString(message).service not in ("", BRIDGE_NAME):
            raise GrpcError(grpc.StatusCode.NOT_FOUND, "no such service")
        return self._pool.submit(self._answer)

    def _answer(self) -> bytes:
        well = not self.draining and self._ask()[0]
        word = health_pb2.HealthCheckResponse.SERVING if well else health_pb2.HealthCheckResponse.NOT_SERVING
        return bytes(health_pb2.HealthCheckResponse(status=word).SerializeToString())
