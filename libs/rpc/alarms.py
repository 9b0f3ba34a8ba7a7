"""Many deadlines on one timer of the event loop.

Most are taken back long before they are due, so setting one and taking it back is an entry in a dictionary. Each rings
when it is due or up to STEP later.
"""

import asyncio
from collections.abc import Callable, Hashable

STEP = 0.02  # seconds


class Alarms:
    """The deadlines of one event loop, each known by a key."""

    def __init__(self) -> None:
        """Begin without any. The loop is the one that runs when it is first needed."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due: dict[Hashable, tuple[float, Callable[[], object]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Give the loop; asking asyncio for it each time would be a system call."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def set(self, key: Hashable, seconds: float, call: Callable[[], object]) -> None:
        """Call `call` in so many seconds, unless `drop` is called before."""
        self._due[key] = (self.loop.time() + seconds, call)
        if self._timer is None:
            self._timer = self.loop.call_later(STEP, self._ring)

    def drop(self, key: Hashable) -> None:
        """Take one back, if it is there."""
        self._due.pop(key, None)

    def _ring(self) -> None:
        now = self.loop.time()
        self._timer = self.loop.call_later(STEP, self._ring) if self._due else None
        for key in [key for key, (when, _) in self._due.items() if when <= now]:
            due = self._due.pop(key, None)
            if due is not None:  # not taken back by one before it
                due[1]()
