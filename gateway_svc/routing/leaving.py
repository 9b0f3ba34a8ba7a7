"""Clients that leave: what is done for them ends, here and at the service.

Most answers are there before it is worth to look, so watching begins a moment later and costs them next to nothing.
"""

import asyncio
from typing import Any, Self

from libs.rpc.asgi import Disconnected, Receive

#: Watching begins after so long (seconds).
DELAY = 0.05


class Departure:
    """A context around one request: when its client leaves, the block is cancelled and raises Disconnected."""

    def __init__(self, receive: Receive) -> None:
        """Watch `receive` once `watch` is called, which is when the request's body has been read."""
        self._receive = receive
        self._left = self._over = False
        self._delay = DELAY
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._block: asyncio.Task[Any] | None = None

    def watch(self) -> None:
        """Begin to watch in a moment. Before, what comes from the client is the body of its request."""
        if not self._over:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._delay, self._begin, loop)

    def hurry(self) -> None:
        """Watch without delay: an answer begins that may last."""
        self._delay = 0.0
        if self._timer is not None and self._watcher is None:
            self._timer.cancel()
            self.watch()

    def __enter__(self) -> Self:
        self._block = asyncio.current_task()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._left and kind is asyncio.CancelledError and self._block is not None:
            self._block.uncancel()
            raise Disconnected from None

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watcher = loop.create_task(self._wait())

    async def _wait(self) -> None:
        message = await self._receive()
        if message["type"] == "http.request":  # the empty body of a request that has none
            message = await self._receive()
        if message["type"] == "http.disconnect" and self._block is not None:
            self._left = True
            self._block.cancel()
