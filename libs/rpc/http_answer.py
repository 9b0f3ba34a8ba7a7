"""Writes answers of an ASGI application as HTTP/1.1: uvicorn's cycle of a request with a quicker `send`.

Uvicorn looks at each header with two regular expressions. Names are few, so here each is looked at once; values are
looked at together. And uvloop makes a system call of each write, so a head leaves with the first part of its body, or
at the end of this turn of the loop where that takes longer.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from libs.rpc.dispatcher import BODYLESS

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: What no value has (RFC 9110 § 5.5): all control characters but the tab. The end of each line has two.
_CONTROLS = bytes(code for code in (*range(32), 127) if code != 9)
_SPECIAL = frozenset((b"content-length: ", b"transfer-encoding: ", b"connection: "))
_CLOSE, _CHUNKED, _END = b"connection: close\r\n", b"transfer-encoding: chunked\r\n", b"0\r\n\r\n"


class AnswerCycle(RequestResponseCycle):
    """One request and its answer."""

    loop: asyncio.AbstractEventLoop
    #: Is called when the client leaves before its answer is complete.
    on_leave: Callable[[], None] | None = None
    #: The connection, as long as it is there.
    protocol: Any = None
    _head = b""
    _flushing: asyncio.Handle | None = None

    async def send(self, message: Any) -> None:
        """Write the head or a part of the body; RuntimeError for what can't be one."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.start" and not self.response_started:
            self._write_head(message["status"], message.get("headers", ()))
            self._flushing = self.loop.call_soon(self.flush)
        elif kind == "http.response.body" and self.response_started and not self.response_complete:
            self._write_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{kind} can't be sent now")

    def run_in_task(self, application: Any) -> None:
        """Let an ASGI application answer. Of a client that has left nobody waits for it."""
        if self.protocol is not None:
            self.protocol.run_in_task(self, application)

    def answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Write a whole answer; RuntimeError for what can't be one. Whoever sends much looks at `flow` before."""
        self._write_head(status, headers)
        self._write_body(body, more=False)

    def _write_head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        lines, closes = [STATUS_LINE[status]], False
        for name, value in (*self.default_headers, *headers):
            start = _start_of(name)
            if start in _SPECIAL:
                if start == b"content-length: ":
                    self.expected_content_length, self.chunked_encoding = int(value), False
                elif start == b"transfer-encoding: ":
                    continue  # how the body is framed is decided here
                elif b"close" in value.lower():
                    self.keep_alive, closes = False, True
            lines.append(start + value + b"\r\n")
        if not self.keep_alive and not closes:
            lines.append(_CLOSE)
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in BODYLESS:
            self.chunked_encoding = True
            lines.append(_CHUNKED)
        lines.append(b"\r\n")
        head = b"".join(lines)
        if len(head.translate(None, _CONTROLS)) + 2 * len(lines) != len(head):
            raise RuntimeError("a header has a control character")
        self._head = head
        self.response_started = True
        self.waiting_for_100_continue = False

    def flush(self) -> None:
        """Write a head that still waits for its body."""
        if self._head and not self.transport.is_closing():
            self._write(b"")

    def _write(self, part: bytes) -> None:
        if self._head:
            part, self._head = self._head + part, b""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        self.transport.write(part)

    def _write_body(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
        elif self.chunked_encoding:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._write(chunk if more else chunk + _END)
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the body is longer than its Content-Length")
            self._write(body)
        if more:
            return
        if self.expected_content_length:
            raise RuntimeError("the body is shorter than its Content-Length")
        self.flush()
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


@lru_cache(1024)
def _start_of(name: bytes) -> bytes:
    """Write the start of a header's line; RuntimeError where that is no name."""
    if not _TOKEN.fullmatch(name):
        raise RuntimeError("a header has no valid name")
    return name.lower() + b": "
