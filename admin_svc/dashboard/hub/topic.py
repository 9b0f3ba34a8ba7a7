"""A topic: the newest message of one page, for any number of sockets. A slow socket skips messages, it never queues."""

import asyncio
from collections.abc import Mapping
from typing import Any

Message = Mapping[str, Any]


class Topic:
    """Holds the newest message and wakes whoever waits for one. Belongs to one event loop."""

    def __init__(self, name: str) -> None:
        """Start without a message, at revision 0."""
        self.name = name
        self.revision = 0
        self.watchers = 0
        self._message: Message = {}
        self._published = asyncio.Event()

    def publish(self, message: Message) -> None:
        """Show `message` from now on; one equal to the last is no news."""
        if self.revision and message == self._message:
            return
        self.announce(message)

    def announce(self, message: Message) -> None:
        """Show `message` even if it is the same as the last."""
        self._message = message
        self.revision += 1
        self._published.set()
        self._published = asyncio.Event()

    async def after(self, revision: int) -> tuple[int, Message]:
        """Wait for a message newer than `revision`; gives its own revision with it."""
        while self.revision <= revision:
            await self._published.wait()
        return self.revision, self._message
