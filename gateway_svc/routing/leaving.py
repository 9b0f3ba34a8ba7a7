"""Clients that leave: what is done for them ends, here and at the service.

Most answers are there before it is worth to look, so watching begins a moment later and costs them next to nothing.
"""

import asyncio
from typing import Any, Self

from libs.rpc.alarms import Alarms
from libs.rpc.asgi import Disconnected, Receive

#: Watching begins after so long (seconds).
DELAY = 0.05


class Departure:
    """A context around one request: when its client leaves, the block is cancelled and raises Disconnected."""

    __slots__ = ("_alarms", "_block", "_is_late", "_left", "_over", "_receive", "_waits", "_watcher")

    def __init__(self, receive: Receive, alarms: Alarms) -> None:
        """Watch `receive` once `watch` is called, which is when the request's body has been read."""
        self._receive = receive
        self._alarms = alarms
        self._left = self._over = self._is_late = self._waits = False
        self._watcher: asyncio.Task[None] | None = None
        self._block: asyncio.Task[Any] | None = None

    def watch(self) -> None:
        """Begin to watch in a moment. Before, what comes from the client is the body of its request."""
        if self._over:
            return
        self._waits = True
        if self._is_late:
            self._begin()
        else:
            self._alarms.set(self, DELAY, self._begin)

    def hurry(self) -> None:
        """Watch without delay: an answer begins that may last."""
        self._is_late = True
        if self._waits:
            self._begin()

    def __enter__(self) -> Self:
        self._block = asyncio.current_task(self._alarms.loop)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        self._over = True
        if self._waits:
            self._alarms.drop(self)
        if self._watcher is not None:
            self._watcher.cancel()
        if self._left and kind is asyncio.CancelledError and self._block is not None:
            self._block.uncancel()
            raise Disconnected from None

    def _begin(self) -> None:
        self._waits = False
        self._alarms.drop(self)
        self._watcher = self._alarms.loop.create_task(self._wait())

    async def _wait(self) -> None:
        message = await self._receive()
        if message["type"] == "http.request":  # the empty body of a request that has none
            message = await self._receive()
        if message["type"] == "http.disconnect" and self._block is not None:
            self._left = True
            self._block.cancel()
