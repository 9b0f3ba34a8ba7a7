"""The server's side of gRPC over HTTP/2, on an event loop of its own.

In `grpc.server` a message passes through five threads on its way from the socket to a handler and back, each of which
takes the interpreter's lock from the others; here it is read and written by one (docs/adr/0021, docs/benchmarks.md).
`h2` keeps HTTP/2's rules; this module has gRPC's: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

    method      Callable[[ServerCall], Listener], run when a call's header fields have come; GrpcError refuses it
    listener    hears what comes of its call, on the loop
    ServerCall  takes what goes back, on the loop; `soon` gets there from other threads
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import quote_from_bytes

import grpc
import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import structlog
import uvloop
from hyperframe.frame import GoAwayFrame

from libs.rpc.grpc_messages import PREFIX, MessageError, MessageReader, framed

log = structlog.get_logger(__name__)

#: Bytes that a caller may send before it hears that they were read: of a call, and of a connection.
CALL_WINDOW: Final = 1024 * 1024
WINDOW: Final = 4 * 1024 * 1024

#: Calls at once on one connection; further ones wait at the caller.
MAX_CALLS: Final = 1000

#: A caller has so long to hang up after a goodbye and its last answer (seconds). Where the server does it first and the
#: caller still writes, its system throws away what it has not read yet.
LINGER_SECONDS: Final = 1.0

#: A silent connection is probed by TCP after so long, three times (seconds).
PROBE_AFTER, PROBE_EVERY, PROBES = 60, 5, 3

_NO_ERROR, _REFUSED_STREAM = 0x0, 0x7
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_CONTENT = (("content-type", "application/grpc"),)

Fields: TypeAlias = Sequence[tuple[str, str]]
Method: TypeAlias = Callable[["ServerCall"], "Listener"]


class GrpcError(Exception):
    """A call ends with this status."""

    def __init__(self, code: grpc.StatusCode, detail: str) -> None:
        """Say which."""
        self.code = code
        self.detail = detail
        super().__init__(f"{code.name}: {detail}")


class Listener(Protocol):
    """Hears what comes of a call, on the server's loop."""

    def on_message(self, message: bytes) -> None:
        """One message."""

    def on_half_close(self) -> None:
        """The caller sends nothing more."""

    def on_gone(self) -> None:
        """Nobody waits for the rest: the caller left, its connection broke, or the deadline passed."""

    def on_writable(self) -> None:
        """What was written has left; `is_writable` is true again."""


class ServerCall:
    """A call that came. All but `soon` belongs to the loop."""

    #: Whether the listener tells by `consumed` which messages it has read; else all is read as it comes.
    holds_back = False

    def __init__(self, connection: "_Connection", number: int, fields: dict[str, str]) -> None:
        """Made by the connection that it came on."""
        self._connection = connection
        self._number = number
        self._unsent = bytearray()
        self._trailers: Fields | None = None  # while they wait for what is unsent
        self._is_accepted = False
        self._unread = 0  # bytes that came, of which the caller does not know yet that they were read
        self._timer: asyncio.TimerHandle | None = None
        self._reader = MessageReader(self._take)
        self._listener: Listener | None = None
        self.path = fields.get(":path", "")
        self.metadata = fields
        #: It has been answered to the end, or nobody waits for that.
        self.is_over = False

    @property
    def is_writable(self) -> bool:
        """Whether a message would leave now. One that does not waits here."""
        return not (self._unsent or self.is_over or self._connection.is_paused)

    def soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Have something called by the loop, from any thread; nothing happens where the server has ended.

        What it raises ends the call.
        """
        self._connection.server.soon(_guarded, self, callback, *args)

    def accept(self, metadata: Fields = ()) -> None:
        """Send the initial metadata. `write` does it where this did not."""
        if not self.is_over and not self._is_accepted:
            self._is_accepted = True
            self._connection.send_fields(self._number, ((":status", "200"), *_CONTENT, *metadata), ends=False)

    def write(self, message: bytes) -> None:
        """Send a message; nothing happens where the call is over."""
        if self.is_over:
            return
        self.accept()
        self._unsent += framed(message)
        self.pump()
        self._connection.flush()

    def finish(self, code: grpc.StatusCode = grpc.StatusCode.OK, detail: str = "") -> None:
        """End the call with a status, behind all that was written."""
        if self.is_over:
            return
        self._end()
        trailers = [("grpc-status", str(code.value[0]))]
        if detail:
            trailers.append(("grpc-message", quote_from_bytes(detail.encode(), safe=_PRINTABLE)))
        self._trailers = trailers if self._is_accepted else ((":status", "200"), *_CONTENT, *trailers)
        self.pump()
        self._connection.flush()

    def consumed(self, message: bytes) -> None:
        """Tell that a message was read."""
        self._unread += PREFIX + len(message)
        self._allow()

    def open(self, method: Method | None) -> None:
        """Begin to listen, until the deadline if there is one; GrpcError where the call can't be."""
        if method is None:
            raise GrpcError(grpc.StatusCode.UNIMPLEMENTED, "no such method")
        timeout = _seconds(self.metadata.get("grpc-timeout"))
        self._listener = method(self)
        if timeout is not None and not self.is_over:
            self._timer = asyncio.get_running_loop().call_later(timeout, self._expire)

    def feed(self, data: bytes, size: int) -> None:
        """Take what came, which has `size` bytes with its padding."""
        if self.is_over:
            return
        self._unread += size
        try:
            self._reader.feed(data)
        except MessageError as error:
            raise GrpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error)) from None
        self._allow()

    def half_close(self) -> None:
        """Note that the caller sends nothing more."""
        if self.is_over or self._listener is None:
            return
        if not self._reader.is_between:
            raise GrpcError(grpc.StatusCode.INTERNAL, "the last message is not whole")
        self._listener.on_half_close()

    def refuse(self, code: grpc.StatusCode, detail: str) -> None:
        """End the call, and let the listener know."""
        if not self.is_over:
            self.finish(code, detail)
            self._tell_gone()

    def gone(self) -> None:
        """Note that nobody waits any more."""
        if not self.is_over:
            self._end()
            self._tell_gone()

    def pump(self) -> None:
        """Send what waits, as far as the other side lets us."""
        if self._unsent:
            self._connection.send_data(self._number, self._unsent)
        if self._trailers is not None and not self._unsent:
            trailers, self._trailers = self._trailers, None
            self._connection.send_fields(self._number, trailers, ends=True)

    def tell_writable(self) -> None:
        """Let the listener go on where it can."""
        if self.is_writable and self._listener is not None:
            self._listener.on_writable()

    def _take(self, message: bytes) -> None:
        if self.is_over or self._listener is None:
            return
        if self.holds_back:  # a part of a message is always read, or one larger than the window would never be whole
            self._unread -= PREFIX + len(message)
        self._listener.on_message(message)

    def _allow(self) -> None:
        """Let the caller send more, in few and large steps."""
        if self._unread >= CALL_WINDOW // 2 and not self.is_over:
            self._connection.allow(self._number, self._unread)
            self._unread = 0

    def _expire(self) -> None:
        self.refuse(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed")

    def _tell_gone(self) -> None:
        try:
            if self._listener is not None:
                self._listener.on_gone()
        except Exception:
            log.exception("a call failed at its end", path=self.path)

    def _end(self) -> None:
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()


class _Connection(asyncio.Protocol):
    """A connection and its calls."""

    def __init__(self, server: "GrpcServer") -> None:
        self.server = server
        self.is_paused = False
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        self._http.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: CALL_WINDOW,
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: MAX_CALLS,
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 65_536,
            },
        )
        self._transport: Any = None
        self._calls: dict[int, ServerCall] = {}
        self._half_open: set[int] = set()  # calls whose caller may still send
        self._reset_now: set[int] = set()  # by what is being taken
        self._ended_now: set[int] = set()
        self._unread = 0
        self._last = 0
        self._is_feeding = False
        self._is_leaving = False
        self._takers: dict[type[h2.events.Event], Callable[[Any], None]] = {
            h2.events.RequestReceived: self._take_request,
            h2.events.DataReceived: self._take_data,
            h2.events.StreamEnded: self._take_end,
            h2.events.WindowUpdated: self._take_window,
            h2.events.RemoteSettingsChanged: self._take_window,
        }

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.server.connections.add(self)
        _probe(transport.get_extra_info("socket"))
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW - 65_535)
        self.flush()

    def data_received(self, data: bytes) -> None:
        self._is_feeding = True
        try:
            self._take(self._http.receive_data(data))
        except h2.exceptions.ProtocolError as error:
            log.info("a caller broke the rules of HTTP/2", error=str(error))
            self._hang_up()
        except Exception:
            log.exception("reading from a caller failed")
            self._hang_up()
        finally:
            self._is_feeding = False
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.forget(self)
        self._give_up()

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False
        self._tell_writable()

    def flush(self) -> None:
        """Write what is to be written; what a turn of the loop brings goes out at its end, together."""
        if self._is_feeding:
            return
        self._write(self._http.data_to_send())

    def send_fields(self, number: int, fields: Fields, *, ends: bool) -> None:
        """Send header fields, or trailers, with which a call is over."""
        self._http.send_headers(number, fields, end_stream=ends)
        if not ends:
            self.flush()
            return
        if number in self._half_open:  # its caller may stop sending
            self._http.reset_stream(number, _NO_ERROR)
        self._drop(number)

    def send_data(self, number: int, data: bytearray) -> None:
        """Send as much of `data` as the other side takes now, and take it out."""
        begin = 0
        with memoryview(data) as view:
            while begin < len(data):
                room = min(self._http.local_flow_control_window(number), self._http.max_outbound_frame_size)
                if room <= 0:
                    break
                self._http.send_data(number, bytes(view[begin : begin + room]))
                begin += room
        del data[:begin]

    def allow(self, number: int, size: int) -> None:
        """Let the caller send more of one call."""
        if number in self._half_open:
            self._http.increment_flow_control_window(size, number)
            self.flush()

    def leave(self) -> None:
        """Say goodbye: what is under way is finished, and nothing else begun (RFC 9113 § 6.8).

        The frame is written past `h2`, for which it would be the end.
        """
        self._is_leaving = True
        self.flush()
        self._write(GoAwayFrame(0, last_stream_id=self._last).serialize())
        self._leave_if_done()

    def abort(self) -> None:
        """Break off."""
        self._give_up()
        self._transport.abort()

    def _take(self, events: list[h2.events.Event]) -> None:
        """Take what came together. `h2` has been through it all, and lets nothing be sent to what ends in it."""
        if any(isinstance(event, h2.events.ConnectionTerminated) for event in events):
            self._hang_up()
            return
        self._reset_now = {event.stream_id for event in events if isinstance(event, h2.events.StreamReset)}
        self._ended_now = {event.stream_id for event in events if isinstance(event, h2.events.StreamEnded)}
        self._half_open -= self._ended_now
        for number in self._reset_now & self._calls.keys():
            call = self._calls[number]
            self._drop(number)
            call.gone()
        for event in events:
            take = self._takers.get(type(event))
            if take is not None:
                take(event)

    def _take_request(self, event: h2.events.RequestReceived) -> None:
        number = event.stream_id
        if number in self._reset_now:
            return
        if self._is_leaving:
            self._http.reset_stream(number, _REFUSED_STREAM)  # it may be sent to somebody else
            return
        self._last = number
        fields = {bytes(name).decode("latin-1"): bytes(value).decode("latin-1") for name, value in event.headers}
        if not fields.get("content-type", "").startswith("application/grpc"):
            self._http.send_headers(number, [(":status", "415")], end_stream=True)
            return
        call = self._calls[number] = ServerCall(self, number, fields)
        if number not in self._ended_now:
            self._half_open.add(number)
        _guarded(call, call.open, self.server.methods.get(call.path))

    def _take_data(self, event: h2.events.DataReceived) -> None:
        self._unread += event.flow_controlled_length
        if self._unread >= WINDOW // 2:
            self._http.increment_flow_control_window(self._unread)
            self._unread = 0
        call = self._calls.get(event.stream_id)
        if call is not None:
            _guarded(call, call.feed, event.data, event.flow_controlled_length)

    def _take_end(self, event: h2.events.StreamEnded) -> None:
        call = self._calls.get(event.stream_id)
        if call is not None:
            _guarded(call, call.half_close)

    def _take_window(self, event: h2.events.Event) -> None:
        for call in list(self._calls.values()):
            call.pump()
        self._tell_writable()

    def _write(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _tell_writable(self) -> None:
        for call in list(self._calls.values()):
            _guarded(call, call.tell_writable)

    def _drop(self, number: int) -> None:
        self._calls.pop(number, None)
        self._half_open.discard(number)
        self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self._is_leaving and not self._calls:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        self._give_up()
        self._is_feeding = False
        self.flush()
        self._transport.close()

    def _give_up(self) -> None:
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.gone()


class GrpcServer:
    """Serves calls from a thread of its own."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        """Serve `methods` by their paths ("/package.Service/Method")."""
        self.methods = methods
        self.connections: set[_Connection] = set()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="grpc", daemon=True)
        self._stopping = threading.Lock()
        self._server: asyncio.AbstractServer | None = None
        self._empty: asyncio.Event | None = None

    def start(self, listening: socket.socket) -> None:
        """Serve who connects to `listening`."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(listening), self._loop).result()

    def soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Have something called by the loop, from any thread; nothing happens where the server has ended."""
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def stop(self, grace: float) -> None:
        """Begin nothing new, give what is under way `grace` seconds, and end (not to be called on the loop)."""
        with self._stopping:  # who comes second must not wait for a loop that has ended
            if not self._thread.is_alive():
                return
            asyncio.run_coroutine_threadsafe(self._end(grace), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def forget(self, connection: _Connection) -> None:
        """Note that a connection has ended."""
        self.connections.discard(connection)
        if self._empty is not None and not self.connections:
            self._empty.set()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    async def _listen(self, listening: socket.socket) -> None:
        self._server = await self._loop.create_server(lambda: _Connection(self), sock=listening, backlog=1024)

    async def _end(self, grace: float) -> None:
        assert self._server is not None
        self._server.close()
        self._empty = asyncio.Event()
        for connection in list(self.connections):
            connection.leave()
        if self.connections and grace:
            try:
                await asyncio.wait_for(self._empty.wait(), grace)
            except TimeoutError:
                log.info("calls are broken off", connections=len(self.connections))
        for connection in list(self.connections):
            connection.abort()
        while self.connections:  # noqa: ASYNC110  (`abort` ends them in the next turn)
            await asyncio.sleep(0)


def _guarded(call: ServerCall, work: Callable[..., object], *args: Any) -> None:
    """Let what fails in one call end that call only."""
    try:
        work(*args)
    except GrpcError as error:
        call.refuse(error.code, error.detail)
    except Exception:
        log.exception("a call failed", path=call.path)
        call.refuse(grpc.StatusCode.INTERNAL, "the server failed")


def _seconds(timeout: str | None) -> float | None:
    """Read a `grpc-timeout`: up to 8 digits and a unit; GrpcError where it is something else."""
    if timeout is None:
        return None
    digits, unit = timeout[:-1], timeout[-1:]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 8 and unit in _UNITS):
        raise GrpcError(grpc.StatusCode.INTERNAL, "a grpc-timeout that can't be read")
    return int(digits) * _UNITS[unit]


def _probe(connected: Any) -> None:
    """Have TCP find out about callers that vanished."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", PROBE_AFTER), ("TCP_KEEPINTVL", PROBE_EVERY), ("TCP_KEEPCNT", PROBES)):
        if hasattr(socket, name):  # Linux; elsewhere some are missing
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
