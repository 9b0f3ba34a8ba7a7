"""Line: a client's connection without a socket, on which uvicorn's part of an answer is the real one."""

import asyncio
from typing import Any
from unittest.mock import Mock

from libs.rpc.http_answer import AnswerCycle

Headers = list[tuple[bytes, bytes]]


class Line:
    """One request that is there as a whole, and what is answered to it."""

    def __init__(self, scope: dict[str, Any], body: bytes = b"") -> None:
        self.task: asyncio.Task[None] | None = None
        self.is_closed = False
        self.flow = Mock(write_paused=False, drain=self._drain)
        self._written = bytearray()
        self._over = asyncio.Event()
        self._drained = asyncio.Event()
        transport: Any = Mock(write=self._written.extend, close=self._close, is_closing=lambda: self.is_closed)
        self.cycle = AnswerCycle(
            scope, transport, self.flow, Mock(), Mock(), False, [], asyncio.Event(),  # type: ignore[arg-type]
            expect_100_continue=False, keep_alive=True, on_response=self._over.set,
        )  # fmt: skip
        self.cycle.loop = asyncio.get_running_loop()
        self.cycle.protocol = self
        self.cycle.body += body
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def run_in_task(self, cycle: AnswerCycle, application: Any) -> None:
        self.task = asyncio.ensure_future(cycle.run_asgi(application))

    async def until_in_a_task(self) -> None:
        async with asyncio.timeout(5):
            while self.task is None:  # noqa: ASYNC110  (nobody sets an event for it)
                await asyncio.sleep(0.001)

    def leave(self) -> None:
        """Leave, as the connection would tell it."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.cycle.on_leave is not None:
            self.cycle.on_leave()

    def read(self) -> None:
        """Take what was written, after a pause."""
        self.flow.write_paused = False
        self._drained.set()

    async def answer(self) -> tuple[int, Headers, bytes]:
        """Wait for the answer; give its status, headers and body."""
        await asyncio.wait_for(self._over.wait(), 10)
        head, _, body = bytes(self._written).partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        headers = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
        if (b"transfer-encoding", b"chunked") in headers:
            headers.remove((b"transfer-encoding", b"chunked"))
            body = _unchunked(body)
        return int(first.split()[1]), headers, body

    async def _drain(self) -> None:
        await self._drained.wait()

    def _close(self) -> None:
        self.is_closed = True
        self._over.set()


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if not int(size, 16):
            return whole
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
