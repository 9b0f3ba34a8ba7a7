"""The gateway's side of an Exchange: one stream to each instance carries all requests of this process.

What a failure means is told by its type: who reads `NoAnswer.refused` knows that nothing was begun, and may send the
request to another instance, whatever its method.

    not connected, or refused by the instance      refused
    the stream broke after the request had left    not refused: it may have been worked on
    the deadline passed                            DEADLINE_EXCEEDED
"""

import asyncio
import random
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, TypeAlias

import grpc
import grpc.aio
import structlog

from libs.identity.service_tokens import ServiceSigner
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.alarms import Alarms
from libs.rpc.client import HANDLE, call_metadata
from libs.rpc.exchange import MESSAGE_BYTES
from libs.rpc.grpc_stream import GrpcStream, connect
from libs.rpc.options import CHANNEL_OPTIONS
from libs.rpc.status import NoAnswer
from libs.rpc.varint import varint

log = structlog.get_logger(__name__)

EXCHANGE = "/microtodo.http.v1.HttpBridge/Exchange"
TRANSFER = "/microtodo.http.v1.HttpBridge/Transfer"
MAX_TARGETS = 256

#: How long an instance may take to accept a stream (seconds).
CONNECT_SECONDS = 1.0

#: After a failure to connect, requests fail at once for so long, doubled each time, with full jitter (seconds).
BACKOFF, MAX_BACKOFF = 0.05, 1.0

#: Transfers have a connection of their own, so that no large body stands in the way of the small ones.
TRANSFER_OPTIONS = [*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]

#: What an instance says to a stream as such; other codes mean that it broke.
_REFUSALS = frozenset(
    (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)
)

#: What became of a request: its answer, the token of a parked one, or why there is none.
Outcome: TypeAlias = pb.Response | str | NoAnswer

#: Takes the outcome of a request.
Deliver: TypeAlias = Callable[[Outcome], None]

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Multiplexer:
    """Sends requests to instances, from one event loop."""

    def __init__(self, signer: ServiceSigner) -> None:
        """Sign streams with `signer`; connections are made at the first request to each instance."""
        self._signer = signer
        self._targets: OrderedDict[tuple[str, str], _Target] = OrderedDict()

    async def ask(self, target: str, audience: str, request: bytes, timeout: float) -> pb.Response | str:  # noqa: ASYNC109  (it goes along as a deadline)
        """Give the answer of the instance of `audience` at `target` ("host:port"); NoAnswer where there is none.

        `request` is a serialized Request. A text is the token of an answer to be collected by `transfer`. A cancelled
        caller cancels the request.
        """
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        forget = self.send(target, audience, request, timeout, lambda outcome: _settle(answer, outcome))
        if forget is None:
            return await self._target(target, audience).handle(request, timeout)
        try:
            outcome = await answer
        except asyncio.CancelledError:
            forget()
            raise
        if not isinstance(outcome, NoAnswer):
            return outcome
        if outcome.code is not grpc.StatusCode.UNIMPLEMENTED:
            raise outcome
        return await self._target(target, audience).handle(request, timeout)

    def send(
        self, target: str, audience: str, request: bytes, timeout: float, deliver: Deliver
    ) -> Callable[[], None] | None:
        """Send as `ask` does, and have the outcome delivered by a later turn of the loop; it must not raise.

        Gives what takes the request back; None where the instance knows no Exchange, and nothing was sent.
        NoAnswer where nothing can be sent now. A NoAnswer of UNIMPLEMENTED says that `ask` has to be used.
        """
        stream = self._target(target, audience)
        return None if stream.has_no_exchange else stream.send(request, timeout, deliver)

    async def transfer(
        self, target: str, audience: str, opening: pb.Part, body: AsyncIterator[bytes] | None = None
    ) -> "Transfer":
        """Begin a transfer with `opening`, a request or a collect, and the chunks of a request's body."""
        return await Transfer.begin(self._target(target, audience).transfers(), opening, body)

    async def close(self) -> None:
        """Close all; requests under way fail."""
        while self._targets:
            await self._targets.popitem()[1].close()

    def _target(self, target: str, audience: str) -> "_Target":
        key = (target, audience)
        found = self._targets.get(key)
        if found is None:
            found = self._targets[key] = _Target(target, audience, self._signer)
            if len(self._targets) > MAX_TARGETS:
                _drop(self._targets.popitem(last=False)[1])
        elif len(self._targets) > MAX_TARGETS // 2:
            self._targets.move_to_end(key)
        return found


_closing: set[asyncio.Task[None]] = set()


def _drop(target: "_Target") -> None:
    task = asyncio.ensure_future(target.close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)


def _settle(answer: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
    if not answer.done():  # its caller may have been cancelled
        answer.set_result(outcome)


class _Sent:
    """A request that waits for its answer."""

    __slots__ = ("begun", "deliver")

    def __init__(self, deliver: Deliver) -> None:
        self.deliver = deliver
        self.begun = False  # whether it has left, and may be worked on


class _Frame(NamedTuple):
    """A request, or without one that nobody waits for it any more."""

    number: int
    request: bytes
    deadline_ms: int = 0

    def written(self) -> tuple[bytes, ...]:
        """Give the parts of a Frames that has this one (http_bridge.proto), without making objects of them."""
        if not self.request:
            return (pb.RawFrames(frames=[pb.RawFrame(id=self.number, cancel=pb.Cancel())]).SerializeToString(),)
        head = b"\x08%b\x10%b\x1a%b" % (varint(self.number), varint(self.deadline_ms), varint(len(self.request)))
        return b"\x0a", varint(len(head) + len(self.request)), head, self.request


class _Target:
    """The stream to one instance, opened when needed and again when it has broken."""

    def __init__(self, target: str, audience: str, signer: ServiceSigner) -> None:
        self._address = target
        self._audience = audience
        self._signer = signer
        self._loop = asyncio.get_running_loop()
        self._channel: grpc.aio.Channel | None = None
        self._transfers: grpc.aio.Channel | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: dict[int, _Sent] = {}
        self._queue: deque[_Frame] = deque()
        self._alarms = Alarms()
        self._stream: GrpcStream | None = None  # from its acceptance to its end
        self._is_woken = False
        self._last = 0
        #: It serves single calls only, as a small server in another language may.
        self.has_no_exchange = False
        self._failures = 0
        self._not_before = 0.0

    def send(self, request: bytes, timeout: float, deliver: Deliver) -> Callable[[], None]:
        if self._task is None:
            if time.monotonic() < self._not_before:
                raise NoAnswer(grpc.StatusCode.UNAVAILABLE, "could not connect a moment ago", refused=True)
            self._task = self._loop.create_task(self._run())
        self._last = number = self._last + 1
        self._waiting[number] = _Sent(deliver)
        self._alarms.set(number, timeout, lambda: self._expire(number))
        self._queue.append(_Frame(number, request, max(0, int(timeout * 1000))))
        self._wake()
        return lambda: self._forget(number)

    async def handle(self, request: bytes, timeout: float) -> pb.Response:  # noqa: ASYNC109
        """Send it as a call of its own."""
        method: Any = self._opened().unary_unary(HANDLE, None, pb.Response.FromString)
        try:
            answer: pb.Response = await method(
                request, timeout=timeout, metadata=call_metadata(self._signer, self._audience)
            )
        except grpc.aio.AioRpcError as failure:
            raise NoAnswer(failure.code(), failure.details() or "") from failure
        return answer

    def transfers(self) -> Any:
        if self._transfers is None:
            self._transfers = grpc.aio.insecure_channel(self._address, options=TRANSFER_OPTIONS)
        method = self._transfers.stream_stream(TRANSFER, pb.Part.SerializeToString, pb.Part.FromString)
        return method(metadata=call_metadata(self._signer, self._audience))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        for channel in (self._channel, self._transfers):
            if channel is not None:
                await channel.close()

    async def _run(self) -> None:
        """Carry one stream from its opening to its end."""
        error = NoAnswer(grpc.StatusCode.UNAVAILABLE, "the stream has ended")
        stream: GrpcStream | None = None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                stream = await connect(self._address, self._new_stream)
                # Before the instance's word nothing is sent, and so nothing can have been begun.
                if "mt-accepted" in await asyncio.shield(stream.head):
                    self._stream = stream
                else:
                    self.has_no_exchange = (await asyncio.shield(stream.ended)).code is grpc.StatusCode.UNIMPLEMENTED
            self._write()
            error = _of_stream(*await asyncio.shield(stream.ended))
        except TimeoutError:
            error = _of_stream(grpc.StatusCode.UNAVAILABLE, "no connection in time")
        except OSError as failure:
            error = _of_stream(grpc.StatusCode.UNAVAILABLE, f"no connection: {failure}")
        finally:
            if stream is not None:
                stream.close()
            self._pace(accepted=self._stream is not None)
            self._stream = None
            self._broken(error)

    def _new_stream(self) -> GrpcStream:
        metadata = call_metadata(self._signer, self._audience)
        return GrpcStream(self._address, EXCHANGE, metadata, self._read, self._write)

    def _opened(self) -> grpc.aio.Channel:
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self._address, options=CHANNEL_OPTIONS)
        return self._channel

    def _wake(self) -> None:
        """Write in a later turn of the loop, together with what else is ready by then."""
        if not self._is_woken and self._stream is not None:
            self._is_woken = True
            self._loop.call_soon(self._write)

    def _write(self) -> None:
        self._is_woken = False
        stream = self._stream
        if stream is None:
            return
        try:
            while self._queue and stream.is_writable:
                stream.write(self._next_message())
        except Exception:
            log.exception("writing to a stream failed", target=self._address)
            stream.close()  # and with it all that waits

    def _read(self, message: bytes) -> None:
        for frame in pb.Frames.FromString(message).frames:
            self._take(frame)

    def _next_message(self) -> bytes:
        """Take what is ready, up to a size."""
        parts: list[bytes] = []
        size = 0
        while self._queue and size < MESSAGE_BYTES:
            frame = self._queue.popleft()
            sent = self._waiting.get(frame.number)
            if sent is not None:
                sent.begun = True
            elif frame.request:
                continue  # nobody waits any more
            size += len(frame.request) + 64
            parts += frame.written()
        return b"".join(parts)

    def _take(self, frame: pb.Frame) -> None:
        sent = self._waiting.pop(frame.id, None)
        if sent is None:
            return
        self._alarms.drop(frame.id)
        kind = frame.WhichOneof("kind")
        if kind == "response":
            sent.deliver(frame.response)
        elif kind == "parked":
            sent.deliver(frame.parked.token)
        else:
            code = _CODES.get(frame.abort.code, grpc.StatusCode.UNKNOWN)
            sent.deliver(NoAnswer(code, frame.abort.detail, refused=frame.abort.refused))

    def _expire(self, number: int) -> None:
        sent = self._waiting.get(number)
        self._forget(number)
        if sent is not None:
            sent.deliver(NoAnswer(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed"))

    def _forget(self, number: int) -> None:
        """Nobody waits for this answer: let the instance know."""
        sent = self._waiting.pop(number, None)
        if sent is None:
            return
        self._alarms.drop(number)
        if sent.begun:
            self._queue.append(_Frame(number, b""))
            self._wake()

    def _pace(self, *, accepted: bool) -> None:
        """Let the next attempt to connect wait where this one failed."""
        self._failures = 0 if accepted else self._failures + 1
        pause = min(MAX_BACKOFF, BACKOFF * 2**self._failures) if self._failures else 0.0
        self._not_before = time.monotonic() + random.uniform(0, pause)  # noqa: S311  (jitter)

    def _broken(self, error: NoAnswer) -> None:
        """Fail all that waits, and let the next request open a new stream."""
        waiting, self._waiting = self._waiting, {}
        self._queue.clear()
        self._task = None
        for number, sent in waiting.items():
            self._alarms.drop(number)
            sent.deliver(NoAnswer(error.code, error.detail, refused=not sent.begun))


def _of_stream(code: grpc.StatusCode, detail: str) -> NoAnswer:
    """Say why a stream failed: that it broke has many codes in gRPC, and one meaning."""
    if code in _REFUSALS:
        return NoAnswer(code, detail)
    why = "the stream has ended" if code is grpc.StatusCode.OK else f"{code.name}: {detail}"
    return NoAnswer(grpc.StatusCode.UNAVAILABLE, why)


class Transfer:
    """One request by itself: the answer's head, and its body in chunks as they come."""

    def __init__(self, call: Any, sender: "asyncio.Task[None] | None") -> None:
        """Made by `begin`."""
        self._call = call
        self._sender = sender

    @classmethod
    async def begin(cls, call: Any, opening: pb.Part, body: AsyncIterator[bytes] | None) -> "Transfer":
        """Send `opening`, and `body` behind it while answers are read already; NoAnswer where that fails."""
        try:
            await call.write(opening)
        except grpc.aio.AioRpcError as failure:
            raise NoAnswer(failure.code(), failure.details() or "") from failure
        except BaseException:
            call.cancel()
            raise
        return cls(call, asyncio.ensure_future(_send(call, body)))

    async def head(self) -> pb.Response:
        """Give status and headers; NoAnswer where there are none."""
        part = await self._read()
        if part is None or part.WhichOneof("kind") != "response":
            raise NoAnswer(grpc.StatusCode.INTERNAL, "no head came")
        return part.response

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body as it comes; NoAnswer where it breaks off."""
        while (part := await self._read()) is not None:
            yield part.chunk

    def cancel(self) -> None:
        """End it: the instance stops working on it."""
        if self._sender is not None:
            self._sender.cancel()
        self._call.cancel()

    async def _read(self) -> pb.Part | None:
        try:
            part = await self._call.read()
        except grpc.aio.AioRpcError as failure:
            raise NoAnswer(failure.code(), failure.details() or "") from failure
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise NoAnswer(grpc.StatusCode.CANCELLED, "the transfer was given up") from None
        if part is grpc.aio.EOF:
            return None
        assert isinstance(part, pb.Part)
        return part


async def _send(call: Any, body: AsyncIterator[bytes] | None) -> None:
    try:
        if body is not None:
            async for chunk in body:
                await call.write(pb.Part(chunk=chunk))
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # who reads sees it as well
    except Exception:  # noqa: BLE001  (the body broke off)
        call.cancel()
