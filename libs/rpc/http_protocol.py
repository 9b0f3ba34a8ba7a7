"""The HTTP protocol of every public listener: what uvicorn answers below ASGI becomes a problem document.

Refused here, because nobody behind can any more: heads and trailers that are too large, counted while they arrive;
framing that two programs on the way could read differently; clients that send too slowly. A trailer is no header.

Some clients (Java's among them) offer `Upgrade: h2c` with every request. Nobody has to take the offer (RFC 9110 § 7.8),
but httptools stops at it and loses the body, so such a request is read anew without the offer.
"""

import asyncio
import re
import socket
import sys
import urllib.parse
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeAlias

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from libs.contracts.errors import BadRequest, ServiceError
from libs.rpc import framing
from libs.rpc.http_answer import AnswerCycle
from libs.rpc.messages import new_request_id
from libs.rpc.problem import CONTENT_TYPE, HeadersTooLarge, problem_bytes

log = structlog.get_logger(__name__)

MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 200
MAX_TARGET_BYTES = 16 * 1024

#: So many requests may wait for the answers to earlier ones of their connection; what comes behind is not read.
MAX_PIPELINED = 64

#: What a client owes (a head, the next step of a body) has to come within this time, at the latest within twice.
PATIENCE_SECONDS = 10.0
BODY_STEP = 8 * 1024

#: A client that takes nothing of its answer for so long has gone.
UNREAD_SECONDS = 30.0

#: A refused client may go on sending for so long; a close at once would reset the connection and eat the answer.
LINGER_SECONDS = 1.0

#: The rest of a body that nobody wants is read for the sake of the connection where the body is no larger.
DRAINED_BYTES = 64 * 1024

#: So many bytes of a body pay for one of framing: a chunk for each byte is still fine.
FRAMING_SHARE = 16

#: Sixteen bytes in base64.
_WEBSOCKET_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")


#: What an application may have as its attribute `take`: it takes a request that is there as a whole, says True, and
#: answers its cycle later, all without a task. Whatever it leaves, or comes in parts, is served as ASGI says.
Take: TypeAlias = Callable[[AnswerCycle], bool]


class RequestTimeout(ServiceError):
    """The request did not come in time."""

    status = 408
    code = "request_timeout"


class TargetTooLong(ServiceError):
    """The address is too long."""

    status = 414
    code = "uri_too_long"


class PublicHttpProtocol(HttpToolsProtocol):
    """Uvicorn's httptools protocol with limits, strict framing and problem documents.

    There is no timer for idle connections: what watches how fast clients send ends those as well.
    """

    cycle: AnswerCycle

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start without a request."""
        super().__init__(*args, **kwargs)
        self._application, self.app = self.app, self._answer
        self._take: Take | None = getattr(self._application, "take", None)
        self._unstarted: Any = None
        self._answering: AnswerCycle | None = None
        self._closing = self._deaf = False
        self._data = self._again = b""
        self._given: dict[bytes, bytes] = {}
        self._part = 0  # counts heads, bodies, and what is between them
        self._in_head = self._in_body = False
        self._began_in = self._unshown_bytes = self._body_bytes = self._trailer_bytes = 0
        self._owed: tuple[int, int] | None = None
        self._watching: asyncio.TimerHandle | None = None

    @property
    def is_answering(self) -> bool:
        """Tell whether a request of this connection is being answered."""
        return self._answering is not None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch how fast the client sends and reads."""
        super().connection_made(transport)
        _end_if_unread(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watching, and let go of what would keep this object in memory."""
        if self._watching is not None:
            self._watching.cancel()
        self.app = self._application
        cycle, self._unstarted = self._answering, None
        super().connection_lost(exc)
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.on_leave is not None:
                cycle.on_leave()
        for each in (cycle, self.cycle):
            if each is not None:
                each.protocol, each.on_response = None, _nothing

    def data_received(self, data: bytes) -> None:
        """Feed the parser; count also what it takes without showing it: the begin of a header, a chunk's extension."""
        if self._deaf:
            return
        self._data = data
        part, body_bytes = self._part, self._body_bytes
        super().data_received(data)
        self._data = b""
        if self._again:
            data, self._again = self._again, b""
            self.data_received(data)
            return
        if self._unstarted is not None and not self._deaf:  # its body has still to come
            self._start_asgi_task(self.cycle, self._unstarted)
        if part == self._part:
            self._unshown_bytes += len(data) - FRAMING_SHARE * (self._body_bytes - body_bytes)
        if self._unshown_bytes > MAX_HEADER_BYTES or (self._in_head and len(self.headers) > MAX_HEADERS):
            self._refuse(HeadersTooLarge())

    def on_message_begin(self) -> None:
        """Begin with a head."""
        if len(self.pipeline) >= MAX_PIPELINED:
            raise BadRequest("too many requests wait for their answers")
        super().on_message_begin()
        self._part += 1
        self._in_head, self._in_body = True, False
        self._began_in = len(self._data)
        self._unshown_bytes = self._body_bytes = self._trailer_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Measure the target."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            raise TargetTooLong

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header without the spaces that httptools leaves behind it. A trailer is only counted."""
        if self._in_head:
            self.headers.append((name.lower(), value.rstrip()))
            return
        self._trailer_bytes += len(name) + len(value)
        if self._trailer_bytes > MAX_HEADER_BYTES:
            raise HeadersTooLarge

    def on_headers_complete(self) -> None:
        """Check the size of the head and how the request is framed, and begin with it."""
        given = self._given = dict(self.headers)
        upgrades = self.parser.should_upgrade()
        if upgrades and self._declines_upgrade():
            return
        # Most heads come in one piece, which is small enough as a whole.
        if self._began_in + self._unshown_bytes + len(self._data) > MAX_HEADER_BYTES or len(self.headers) > MAX_HEADERS:
            self._measure()
        method, version = self.parser.get_method(), self.parser.get_http_version()
        framing.check(method, version, self.headers, given)
        if not self.url.startswith(b"/") or b"#" in self.url:
            self.url = framing.origin_form(self.url, given.get(b"host", b""))
        self._describe(method.decode("ascii"), version)
        if not upgrades or not self._should_upgrade():
            cycle = AnswerCycle(
                self.scope, self.transport, self.flow, self.logger, self.access_logger, self.access_log,
                self.server_state.default_headers, asyncio.Event(), b"expect" in given and version == "1.1",
                keep_alive=version != "1.0" and self.parser.should_keep_alive(),
                on_response=self.on_response_complete,
            )  # fmt: skip
            cycle.loop = self.loop
            cycle.protocol = self
            has_body = b"content-length" in given or b"transfer-encoding" in given
            self._begin(cycle, self.app if has_body else self._application)
        self._part += 1
        self._in_head, self._in_body = False, True
        self._unshown_bytes = 0

    def _describe(self, method: str, version: str) -> None:
        raw_path, _, query = self.url.partition(b"?")
        path = raw_path.decode("ascii")
        scope: Any = self.scope
        scope["method"] = method
        scope["http_version"] = version
        scope["path"] = urllib.parse.unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = query

    def _begin(self, cycle: AnswerCycle, app: Any) -> None:
        """Let a request be answered, after those before it."""
        is_first = self.cycle is None or self.cycle.response_complete
        self.cycle = cycle
        if is_first:
            self._unstarted = app  # what came with its head is read first: mostly that is all of it
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))

    def on_body(self, body: bytes) -> None:
        """Count the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request, unless it is read anew."""
        if not self.parser.should_upgrade() or not self._declines_upgrade():
            self._part += 1
            self._in_body = False
            self._unshown_bytes = 0
            super().on_message_complete()
            if self._unstarted is not None:
                self._start_asgi_task(self.cycle, self._unstarted)

    def on_response_complete(self) -> None:
        """Go on with the next request, or end the connection where the answer said so."""
        self._answering = None
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if self._closing:
            self._linger()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused, or one of the functions above."""
        refusal = sys.exception()
        reason = refusal.__context__ if refusal else None
        self._refuse(reason if isinstance(reason, ServiceError) else BadRequest("the request is not valid HTTP"))

    def _measure(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEADER_BYTES or len(self.headers) > MAX_HEADERS:
            raise HeadersTooLarge

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering, self._unstarted = cycle, None
        if self._take is None or cycle.more_body or not self._take(cycle):
            self.run_in_task(cycle, app)

    def run_in_task(self, cycle: AnswerCycle, app: Any) -> None:
        """Let an ASGI application answer."""
        super()._start_asgi_task(cycle, app)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Let the application answer. Where it does so without the whole of a large body, the connection ends then."""
        cycle = self._answering
        if cycle is None or cycle is not self.cycle or not self._in_body:  # it is all there
            await self._application(scope, receive, send)
            return

        async def send_or_close(message: Any) -> None:
            if message["type"] == "http.response.start" and self._leaves_unread(cycle):
                cycle.keep_alive = False  # so that the answer says it
                await send(message)
                cycle.keep_alive = self._closing = True  # and uvicorn does not do it
            else:
                await send(message)

        await self._application(scope, receive, send_or_close)

    def _leaves_unread(self, cycle: AnswerCycle) -> bool:
        if cycle is not self.cycle or not self._in_body:
            return False
        small = int(self._given.get(b"content-length", DRAINED_BYTES + 1)) <= DRAINED_BYTES
        return not small or not cycle.keep_alive or cycle.waiting_for_100_continue

    def _should_upgrade(self) -> bool:
        """Tell whether this opens a WebSocket as RFC 6455 says; what does not is answered like any other request."""
        return (
            super()._should_upgrade()
            and (self.parser.get_method(), self.parser.get_http_version()) == (b"GET", "1.1")
            and self._given.get(b"sec-websocket-version") == b"13"
            and _WEBSOCKET_KEY.fullmatch(self._given.get(b"sec-websocket-key", b"")) is not None
        )

    def _declines_upgrade(self) -> bool:
        return b"upgrade" in self._given and not self._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Read a request whose offer is declined anew, without the offer."""
        stop = sys.exception()
        if not isinstance(stop, httptools.HttpParserUpgrade) or not self._declines_upgrade():
            return
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self._again = b"\r\n".join([*lines, b"", b""]) + self._data[stop.args[0] :]

    def _watch(self) -> None:
        """Refuse a client that still owes what it owed last time, and look again later."""
        if self._deaf or self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # it ends by itself, or became a WebSocket
        owed = self._owes()
        if owed is not None and owed == self._owed:
            self._refuse(RequestTimeout())
            return
        self._owed = owed
        self._watching = self.loop.call_later(PATIENCE_SECONDS, self._watch)

    def _owes(self) -> tuple[int, int] | None:
        """Name what the client has to send: nothing while it is answered, or was told to wait."""
        if self._in_body:
            waits = self.flow.read_paused or self.cycle.waiting_for_100_continue
        else:
            waits = self._answering is not None
        return None if waits else (self._part, self._body_bytes // BODY_STEP)

    def _refuse(self, error: ServiceError) -> None:
        """Refuse what is being read, once. Earlier requests are still answered, and nothing behind them is."""
        if self._deaf:
            return
        self._deaf = True
        broken = self.cycle if self._in_body else None
        waiting = [cycle for cycle, _ in self.pipeline]
        if broken is not None and broken in waiting:
            del self.pipeline[waiting.index(broken)]
        last = self.pipeline[0][0] if self.pipeline else self._answering
        if last is not None and last is not broken:
            last.keep_alive = False
            return
        if broken is not None:
            broken.disconnected = True
            broken.message_event.set()
        is_idle = isinstance(error, RequestTimeout) and not self._in_head and not self._in_body
        is_answered = broken is not None and broken.response_started
        if not is_idle and not is_answered:
            self._write(error)
        self._linger()

    def _write(self, error: ServiceError) -> None:
        request_id = new_request_id()
        self.transport.write(_wire(error, request_id, self.server_state.default_headers))
        log.info(
            "request refused",
            status=error.status,
            code=error.code,
            detail=error.detail,
            request_id=request_id,
            client_ip=self.client[0] if self.client else "",
        )

    def _linger(self) -> None:
        """Close the connection, so that the client can still read its answer and stop sending."""
        self._deaf = True
        if self.transport.is_closing():
            return
        if self.cycle is not None:
            self.cycle.flush()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _nothing() -> None:
    pass


def in_flight(state: ServerState) -> int:
    """Count the requests that are being answered."""
    return sum(getattr(connection, "is_answering", False) for connection in list(state.connections))


def _end_if_unread(transport: asyncio.Transport) -> None:
    """Let the kernel end the connection of a client that reads nothing (Linux): no timer has to."""
    connection = transport.get_extra_info("socket")
    if hasattr(socket, "TCP_USER_TIMEOUT") and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_SECONDS * 1000))


def _wire(error: ServiceError, request_id: str, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    body = problem_bytes(error, request_id=request_id, instance="")
    lines = [
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}".encode(),
        *(name + b": " + value for name, value in default_headers),
        f"content-type: {CONTENT_TYPE}".encode(),
        f"content-length: {len(body)}".encode(),
        f"x-request-id: {request_id}".encode(),
        b"x-content-type-options: nosniff",
        b"connection: close",
    ]
    return b"\r\n".join([*lines, b"", body])
