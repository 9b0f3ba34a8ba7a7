"""The HTTP protocol of every public listener: what uvicorn answers below ASGI becomes a problem document.

A header section above 64 KiB is 431, counted while it arrives; a malformed request is 400; both carry a request id.

Some clients (Java's among them) offer `Upgrade: h2c` with every request. Nobody has to take the offer (RFC 9110 § 7.8),
but httptools stops at it and loses the body, so such a request is read anew without the offer.
"""

import re
import sys
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from libs.contracts.errors import BadRequest, ServiceError
from libs.rpc.messages import new_request_id
from libs.rpc.problem import CONTENT_TYPE, HeadersTooLarge, problem_bytes

MAX_HEADER_BYTES = 64 * 1024

#: A refused client may go on sending for so long; a close at once would reset the connection and eat the answer.
LINGER_SECONDS = 1.0

#: Sixteen bytes in base64.
_WEBSOCKET_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")


class PublicHttpProtocol(HttpToolsProtocol):
    """Uvicorn's httptools protocol with a limit on headers and problem documents."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start without a request."""
        super().__init__(*args, **kwargs)
        self._refused = False
        self._in_headers = False
        self._header_bytes = 0
        self._unparsed_bytes = 0
        self._data = b""

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a header that never ends is cut off, though the parser has not shown it yet."""
        if self._refused:
            return
        self._data = data
        continued = self._in_headers
        super().data_received(data)
        if continued and self._in_headers and not self._refused:
            self._unparsed_bytes += len(data)
            if self._unparsed_bytes > MAX_HEADER_BYTES:
                self._refuse(HeadersTooLarge())

    def on_message_begin(self) -> None:
        """Count afresh."""
        super().on_message_begin()
        self._in_headers, self._header_bytes, self._unparsed_bytes = True, 0, 0

    def on_url(self, url: bytes) -> None:
        """Count the target as part of the section."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header with its separators."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the counting."""
        self._in_headers = False
        if not self._declines_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the request, unless it is read anew."""
        if not self._declines_upgrade():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused: too many header bytes, or a malformed request."""
        too_large = self._header_bytes > MAX_HEADER_BYTES
        self._refuse(HeadersTooLarge() if too_large else BadRequest("the request is not valid HTTP"))

    def _should_upgrade(self) -> bool:
        """Tell whether this opens a WebSocket as RFC 6455 says; what does not is answered like any other request."""
        given = dict(self.headers)
        return (
            super()._should_upgrade()
            and (self.parser.get_method(), self.parser.get_http_version()) == (b"GET", "1.1")
            and given.get(b"sec-websocket-version") == b"13"
            and _WEBSOCKET_KEY.fullmatch(given.get(b"sec-websocket-key", b"")) is not None
        )

    def _declines_upgrade(self) -> bool:
        offers = self.parser.should_upgrade() and any(name == b"upgrade" for name, _ in self.headers)
        return offers and not self._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Read a request whose offer is declined anew, without the offer."""
        stop = sys.exception()
        if not isinstance(stop, httptools.HttpParserUpgrade) or not self._declines_upgrade():
            return
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([*lines, b"", b""]) + self._data[stop.args[0] :])

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            raise HeadersTooLarge

    def _refuse(self, error: ServiceError) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and (self.cycle.response_started or not self.cycle.more_body):
            # A pipelined request is malformed while an earlier one is being answered: no second answer in between.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        if answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._refused = True
        self.transport.write(_wire(error, self.server_state.default_headers))
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _wire(error: ServiceError, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    request_id = new_request_id()
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
