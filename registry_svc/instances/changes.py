"""Changes: tells listeners which type changed, at once for the first change and at most every 100 ms after it."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

COALESCE = 0.1  # seconds

Listener: TypeAlias = Callable[[str], None]


class Changes:
    """Coalesces changes on one event loop. `note` may be called from any thread, the rest on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell listeners on `loop`."""
        self._loop = loop
        self._listeners: list[Listener] = []
        self._pending: set[str] = set()
        self._told: dict[str, float] = {}

    def note(self, service: str) -> None:
        """Note that something of `service` changed."""
        self._loop.call_soon_threadsafe(self._schedule, service)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; give the function that removes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _schedule(self, service: str) -> None:
        if service not in self._pending:
            self._pending.add(service)
            self._loop.call_at(self._told.get(service, float("-inf")) + COALESCE, self._tell, service)

    def _tell(self, service: str) -> None:
        self._pending.discard(service)
        self._told[service] = self._loop.time()
        for listener in list(self._listeners):
            listener(service)
