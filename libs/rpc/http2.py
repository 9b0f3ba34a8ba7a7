"""HTTP/2 as a client that has one stream on each connection (RFC 9113), without a socket.

Frames, flow control and the rules of what may come when; header fields are packed by `hpack`. One stream is all that an
Exchange needs, and makes most of HTTP/2's states go away. The library `h2` ends a connection at the first GOAWAY
(https://github.com/python-hyper/h2/issues/1181), by which a draining server says that it finishes what is under way.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import hpack

STREAM: Final = 1

#: Bytes that the other side may send before it hears that they were read: of the stream, and of the connection.
WINDOW: Final = 4 * 1024 * 1024

#: The largest frame that comes and, unless the other side allows more, that goes (bytes).
MAX_FRAME: Final = 16_384

#: Packed header fields have at most so many bytes.
MAX_HEADERS: Final = 65_536

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FIRST_WINDOW, _MAX_WINDOW = 65_535, 2**31 - 1
_HEAD = struct.Struct(">BHBBL")  # length (24 bits), type, flags, stream
_SETTING = struct.Struct(">HL")
_NUMBER = struct.Struct(">L")

_DATA, _HEADERS, _, _RST_STREAM, _SETTINGS, _PUSH_PROMISE, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = range(10)
_END_STREAM = _ACK = 0x1
_END_HEADERS, _PADDED, _WITH_PRIORITY = 0x4, 0x8, 0x20
_ENABLE_PUSH, _INITIAL_WINDOW_SIZE, _MAX_FRAME_SIZE = 2, 4, 5

NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR = 0x0, 0x1, 0x3, 0x5, 0x6
CANCEL, COMPRESSION_ERROR = 0x8, 0x9

Fields = Sequence[tuple[str, str]]


class Http2Error(Exception):
    """The other side broke a rule: the connection is of no more use. `code` is an error code of RFC 9113 § 7."""

    def __init__(self, code: int, text: str) -> None:
        """Say which one."""
        self.code = code
        super().__init__(text)


class Listener(Protocol):
    """Hears what comes on the stream."""

    def on_fields(self, fields: Fields) -> None:
        """Header fields or, behind them, trailers."""

    def on_data(self, data: bytes) -> None:
        """A part of the body."""

    def on_end(self) -> None:
        """Nothing more comes, in good order."""

    def on_reset(self, code: int, text: str) -> None:
        """The other side gave the stream up (RST_STREAM), or does not take it (GOAWAY)."""


class ClientStream:
    """A connection and its stream: `take` gives the bytes to send, `feed` takes those that came."""

    def __init__(self, listener: Listener) -> None:
        """Tell `listener` what comes. Nothing is sent before `open`."""
        self._listener = listener
        self._out: list[bytes] = []
        self._rest = b""  # an incomplete frame
        self._block: bytearray | None = None  # header fields whose end is still to come
        self._block_ends_stream = False
        self._ended = False
        self._unread = 0  # bytes that came, of which the other side does not know yet that they were read
        self._unsent = bytearray()
        self._max_frame = MAX_FRAME
        self._first_window = _FIRST_WINDOW
        self._stream_window = self._connection_window = _FIRST_WINDOW
        self._decoder = hpack.Decoder(max_header_list_size=MAX_HEADERS)
        self._takers: dict[int, Callable[[int, int, bytes], None]] = {
            _DATA: self._take_data,
            _HEADERS: self._take_headers,
            _RST_STREAM: self._take_reset,
            _SETTINGS: self._take_settings,
            _PUSH_PROMISE: self._take_push,
            _PING: self._take_ping,
            _GOAWAY: self._take_goaway,
            _WINDOW_UPDATE: self._take_window,
            _CONTINUATION: self._take_continuation,
        }

    @property
    def is_blocked(self) -> bool:
        """Whether bytes wait until the other side has read earlier ones."""
        return bool(self._unsent)

    def take(self) -> bytes:
        """Give what is to be sent now."""
        taken = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return taken

    def open(self, fields: Fields) -> None:
        """Begin the connection, and the stream with its header fields."""
        settings = _SETTING.pack(_ENABLE_PUSH, 0) + _SETTING.pack(_INITIAL_WINDOW_SIZE, WINDOW)
        self._out += (_PREFACE, _frame(_SETTINGS, 0, 0, settings))
        self._out.append(_frame(_WINDOW_UPDATE, 0, 0, _NUMBER.pack(WINDOW - _FIRST_WINDOW)))
        block = hpack.Encoder().encode(fields)
        first, rest = block[:MAX_FRAME], block[MAX_FRAME:]
        self._out.append(_frame(_HEADERS, 0 if rest else _END_HEADERS, STREAM, first))
        while rest:
            part, rest = rest[:MAX_FRAME], rest[MAX_FRAME:]
            self._out.append(_frame(_CONTINUATION, 0 if rest else _END_HEADERS, STREAM, part))

    def write(self, data: bytes) -> None:
        """Send a part of the body, as far as the other side lets us; what it does not waits."""
        size = len(data)
        if size > self._connection_window or size > self._stream_window or size > self._max_frame:
            self._unsent += data
            self._send_waiting()
            return
        self._connection_window -= size
        self._stream_window -= size
        self._out.append(_frame(_DATA, 0, STREAM, data))

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._out.append(_frame(_PING, 0, 0, b"\0" * 8))

    def close(self, code: int = NO_ERROR) -> None:
        """Give up the stream and the connection; `code` says why."""
        if code == NO_ERROR and not self._ended:
            self._out.append(_frame(_RST_STREAM, 0, STREAM, _NUMBER.pack(CANCEL)))
        self._out.append(_frame(_GOAWAY, 0, 0, _NUMBER.pack(0) + _NUMBER.pack(code)))

    def feed(self, data: bytes) -> None:
        """Take what came, in pieces of any size; Http2Error where that can't be."""
        if self._rest:
            data = self._rest + data
        position, end = 0, len(data)
        while end - position >= _HEAD.size:
            high, low, kind, flags, stream = _HEAD.unpack_from(data, position)
            length = high << 16 | low
            if length > MAX_FRAME:
                raise Http2Error(FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            begin = position + _HEAD.size
            if begin + length > end:
                break
            position = begin + length
            self._take(kind, flags, stream & _MAX_WINDOW, data[begin:position])
        self._rest = data[position:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._block is not None and (kind != _CONTINUATION or stream != STREAM):
            raise Http2Error(PROTOCOL_ERROR, "something in the middle of header fields")
        take = self._takers.get(kind)
        if take is not None:  # PRIORITY means nothing any more, and what is unknown is passed over (§ 5.5)
            take(flags, stream, payload)

    def _take_data(self, flags: int, stream: int, payload: bytes) -> None:
        if stream != STREAM:
            raise Http2Error(PROTOCOL_ERROR, f"data of stream {stream}")
        if self._ended:
            raise Http2Error(STREAM_CLOSED, "data behind the end")
        self._unread += len(payload)
        if self._unread > WINDOW:
            raise Http2Error(FLOW_CONTROL_ERROR, "more data than was allowed")
        if flags & _PADDED:
            payload = _unpadded(payload)
        if self._unread >= WINDOW // 2:
            read, self._unread = _NUMBER.pack(self._unread), 0
            self._out += (_frame(_WINDOW_UPDATE, 0, 0, read), _frame(_WINDOW_UPDATE, 0, STREAM, read))
        if payload:
            self._listener.on_data(payload)
        if flags & _END_STREAM:
            self._finish()

    def _take_headers(self, flags: int, stream: int, payload: bytes) -> None:
        if stream != STREAM:
            raise Http2Error(PROTOCOL_ERROR, f"header fields of stream {stream}")
        if self._ended:
            raise Http2Error(STREAM_CLOSED, "header fields behind the end")
        if flags & _PADDED:
            payload = _unpadded(payload)
        if flags & _WITH_PRIORITY:
            payload = payload[5:]
        self._block, self._block_ends_stream = bytearray(), bool(flags & _END_STREAM)
        self._take_block(flags, self._block, payload)

    def _take_continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if self._block is None:
            raise Http2Error(PROTOCOL_ERROR, "header fields go on that did not begin")
        self._take_block(flags, self._block, payload)

    def _take_block(self, flags: int, block: bytearray, payload: bytes) -> None:
        block += payload
        if len(block) > MAX_HEADERS:
            raise Http2Error(PROTOCOL_ERROR, "too many header fields")
        if not flags & _END_HEADERS:
            return
        self._block = None
        try:
            fields = self._decoder.decode(bytes(block))
        except (hpack.HPACKError, UnicodeDecodeError) as error:
            raise Http2Error(COMPRESSION_ERROR, f"header fields can't be read: {error}") from error
        self._listener.on_fields([(str(name), str(value)) for name, value in fields])
        if self._block_ends_stream:
            self._finish()

    def _take_settings(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            raise Http2Error(PROTOCOL_ERROR, f"settings of stream {stream}")
        if len(payload) % _SETTING.size or (flags & _ACK and payload):
            raise Http2Error(FRAME_SIZE_ERROR, "settings of a wrong size")
        if flags & _ACK:
            return
        for name, value in _SETTING.iter_unpack(payload):
            if name == _INITIAL_WINDOW_SIZE:
                if value > _MAX_WINDOW:
                    raise Http2Error(FLOW_CONTROL_ERROR, "a window too large")
                self._stream_window += value - self._first_window
                self._first_window = value
            elif name == _MAX_FRAME_SIZE:
                if not MAX_FRAME <= value < 2**24:
                    raise Http2Error(PROTOCOL_ERROR, f"frames of {value} bytes")
                self._max_frame = value
        self._out.append(_frame(_SETTINGS, _ACK, 0, b""))
        self._send_waiting()

    def _take_window(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            _check(stream, len(payload), whose=STREAM, size=4)
        elif len(payload) != 4:
            raise Http2Error(FRAME_SIZE_ERROR, "a window of a wrong size")
        more = _NUMBER.unpack(payload)[0] & _MAX_WINDOW
        if not more:
            raise Http2Error(PROTOCOL_ERROR, "a window that grows by nothing")
        if stream:
            self._stream_window += more
        else:
            self._connection_window += more
        if max(self._stream_window, self._connection_window) > _MAX_WINDOW:
            raise Http2Error(FLOW_CONTROL_ERROR, "a window too large")
        self._send_waiting()

    def _take_reset(self, flags: int, stream: int, payload: bytes) -> None:
        _check(stream, len(payload), whose=STREAM, size=4)
        code = _NUMBER.unpack(payload)[0]
        self._finish(f"error {code}", code=code)

    def _take_push(self, flags: int, stream: int, payload: bytes) -> None:
        raise Http2Error(PROTOCOL_ERROR, "a push that was not allowed")

    def _take_ping(self, flags: int, stream: int, payload: bytes) -> None:
        _check(stream, len(payload), whose=0, size=8)
        if not flags & _ACK:
            self._out.append(_frame(_PING, _ACK, 0, payload))

    def _take_goaway(self, flags: int, stream: int, payload: bytes) -> None:
        """Go on where the other side finishes what it has, as a server does that drains (§ 6.8)."""
        if stream:
            raise Http2Error(PROTOCOL_ERROR, f"a goodbye to stream {stream}")
        if len(payload) < 8:
            raise Http2Error(FRAME_SIZE_ERROR, "a goodbye of a wrong size")
        last, code = _NUMBER.unpack_from(payload)[0] & _MAX_WINDOW, _NUMBER.unpack_from(payload, 4)[0]
        if last < STREAM or code != NO_ERROR:
            self._finish(payload[8:].decode("latin-1") or f"goodbye with error {code}", code=code)

    def _finish(self, text: str = "", code: int | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        if code is None:
            self._listener.on_end()
        else:
            self._listener.on_reset(code, text)

    def _send_waiting(self) -> None:
        while self._unsent:
            size = min(len(self._unsent), self._connection_window, self._stream_window, self._max_frame)
            if size <= 0:
                return
            self._connection_window -= size
            self._stream_window -= size
            self._out.append(_frame(_DATA, 0, STREAM, bytes(self._unsent[:size])))
            del self._unsent[:size]


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    size = len(payload)
    return _HEAD.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def _check(stream: int, length: int, *, whose: int, size: int) -> None:
    if stream != whose:
        raise Http2Error(PROTOCOL_ERROR, f"a frame of stream {stream}")
    if length != size:
        raise Http2Error(FRAME_SIZE_ERROR, "a frame of a wrong size")


def _unpadded(payload: bytes) -> bytes:
    if not payload or payload[0] >= len(payload):
        raise Http2Error(PROTOCOL_ERROR, "more padding than frame")
    return payload[1 : len(payload) - payload[0]]
