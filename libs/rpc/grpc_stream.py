"""The client's side of one bidirectional gRPC call, for an event loop, on a connection of its own.

It speaks gRPC over HTTP/2 itself (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). In `grpc.aio` each
message passes from the loop to a thread and back, on its way out and on its way in; here it is one write or one read of
the loop (docs/adr/0019, docs/benchmarks.md).
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

import grpc
import structlog

from libs.rpc.grpc_messages import MessageError, MessageReader, framed
from libs.rpc.http2 import PROTOCOL_ERROR, ClientStream, Fields, Http2Error

log = structlog.get_logger(__name__)

#: Who is silent for so long is asked for a sign of life, and has so long to give one (seconds); as `CHANNEL_OPTIONS`.
KEEPALIVE_SECONDS, KEEPALIVE_TIMEOUT = 20.0, 5.0

#: The other side has so long to take what was sent before the end (seconds).
LINGER_SECONDS = 1.0

_CODES = {str(code.value[0]): code for code in grpc.StatusCode}

#: What an answer without a status means (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md).
_OF_HTTP = {
    "400": grpc.StatusCode.INTERNAL,
    "401": grpc.StatusCode.UNAUTHENTICATED,
    "403": grpc.StatusCode.PERMISSION_DENIED,
    "404": grpc.StatusCode.UNIMPLEMENTED,
    **dict.fromkeys(("429", "502", "503", "504"), grpc.StatusCode.UNAVAILABLE),
}


class Ending(NamedTuple):
    """How a call ended."""

    code: grpc.StatusCode
    detail: str


class GrpcStream(asyncio.Protocol):
    """One call. `head` becomes the initial metadata (empty where none came before the end), `ended` how it ended."""

    def __init__(
        self,
        authority: str,
        path: str,
        metadata: Fields,
        on_message: Callable[[bytes], None],
        on_writable: Callable[[], None],
    ) -> None:
        """Open it when connected. `on_message` gets each message, `on_writable` is called when `write` helps again."""
        self._loop = asyncio.get_running_loop()
        self._messages = MessageReader(on_message)
        self._on_writable = on_writable
        self._http = ClientStream(self)
        self._fields = [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority), ("te", "trailers"),
            ("content-type", "application/grpc"), ("user-agent", "micro-todo"), *metadata,
        ]  # fmt: skip
        self._transport: Any = None
        self._is_paused = False
        self._heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._trailers: dict[str, str] = {}
        self.head: asyncio.Future[dict[str, str]] = self._loop.create_future()
        self.ended: asyncio.Future[Ending] = self._loop.create_future()

    @property
    def is_writable(self) -> bool:
        """Whether a message would leave now. One that does not waits here."""
        return not (self._is_paused or self._http.is_blocked or self.ended.done())

    def write(self, message: bytes) -> None:
        """Send a message."""
        self._http.write(framed(message))
        self._flush()

    def close(self) -> None:
        """End the call and the connection."""
        self._end(Ending(grpc.StatusCode.CANCELLED, "closed"))

    def connection_made(self, transport: Any) -> None:
        """Begin (called by the loop)."""
        self._transport = transport
        self._timer = self._loop.call_later(KEEPALIVE_SECONDS, self._watch)
        self._http.open(self._fields)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take what came (called by the loop)."""
        self._heard = self._loop.time()
        was_blocked = self._http.is_blocked
        try:
            self._http.feed(data)
        except Http2Error as error:
            self._end(Ending(grpc.StatusCode.INTERNAL, f"not HTTP/2: {error}"), error.code)
        except Exception:
            log.exception("reading a stream failed")
            self._end(Ending(grpc.StatusCode.INTERNAL, "a message can't be read"), PROTOCOL_ERROR)
        self._flush()
        if was_blocked and self.is_writable:
            self._on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end (called by the loop)."""
        self._end(Ending(grpc.StatusCode.UNAVAILABLE, f"the connection is lost: {exc or 'closed by the other side'}"))

    def pause_writing(self) -> None:
        """Wait (called by the loop, when the other side reads slowly)."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Go on (called by the loop)."""
        self._is_paused = False
        if self.is_writable:
            self._on_writable()

    def on_fields(self, fields: Fields) -> None:
        """Take the initial metadata, or the trailers."""
        if self.head.done():
            self._trailers = dict(fields)
            return
        head = dict(fields)
        if head.get(":status", "")[:1] == "1":
            return  # an interim response
        self._trailers = head  # if nothing else comes, these are
        self.head.set_result(head)

    def on_data(self, data: bytes) -> None:
        """Take a part of a message, or several of them."""
        try:
            self._messages.feed(data)
        except MessageError as error:
            raise Http2Error(PROTOCOL_ERROR, str(error)) from None

    def on_end(self) -> None:
        """Note how the call ended."""
        trailers = self._trailers
        code = _CODES.get(trailers.get("grpc-status", ""))
        if code is None:
            code = _OF_HTTP.get(trailers.get(":status", ""), grpc.StatusCode.UNKNOWN)
        self._end(Ending(code, unquote(trailers.get("grpc-message", ""))))

    def on_reset(self, code: int, text: str) -> None:
        """Note that the other side gave the call up."""
        self._end(Ending(grpc.StatusCode.UNAVAILABLE, f"given up by the other side: {text}"))

    def _flush(self) -> None:
        data = self._http.take()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _end(self, ending: Ending, error: int = 0) -> None:
        if self.ended.done():
            return
        self.ended.set_result(ending)
        if not self.head.done():
            self.head.set_result({})
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._http.close(error)
            self._flush()
            self._transport.close()
            self._loop.call_later(LINGER_SECONDS, self._transport.abort)

    def _watch(self) -> None:
        """Ask a silent connection for a sign of life."""
        silent = self._loop.time() - self._heard
        if silent < KEEPALIVE_SECONDS:
            self._timer = self._loop.call_later(KEEPALIVE_SECONDS - silent, self._watch)
            return
        self._http.ping()
        self._flush()
        self._timer = self._loop.call_later(KEEPALIVE_TIMEOUT, self._judge, self._heard)

    def _judge(self, heard: float) -> None:
        if self._heard > heard:
            self._watch()
            return
        self._end(Ending(grpc.StatusCode.UNAVAILABLE, f"no sign of life for {KEEPALIVE_TIMEOUT:g} s"))


async def connect(target: str, stream: Callable[[], GrpcStream]) -> GrpcStream:
    """Open the call that `stream` makes, at `target` ("host:port", IPv6 in brackets); OSError where it can't."""
    host, _, port = target.rpartition(":")
    _, opened = await asyncio.get_running_loop().create_connection(stream, host.strip("[]"), int(port))
    return opened
