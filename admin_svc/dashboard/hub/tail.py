"""Log tails: one poll of Logger per distinct filter, shared by all sockets of this process that follow it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from admin_svc.dashboard.errors import TooManyFilters
from admin_svc.dashboard.hub.follower import Follower, Row, gap
from libs.contracts.errors import ServiceError

log = structlog.get_logger(__name__)
Fetch = Callable[[dict[str, str | int]], Awaitable[Mapping[str, Any]]]

INTERVAL = 0.25
RETRY_INTERVAL = 1.0
BATCH = 1_000
MAX_FILTERS = 32


class Tail:
    """Polls Logger for one filter from the moment it starts, and hands the rows to its followers."""

    def __init__(self, fetch: Fetch, filters: Mapping[str, str], interval: float = INTERVAL) -> None:
        """Ask with `fetch`; nothing runs yet."""
        self._fetch = fetch
        self._filters = dict(filters)
        self._interval = interval
        self._cursor = ""
        self._well: bool | None = None
        self.followers: set[Follower] = set()
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Poll until cancelled. While Logger is away the cursor waits, so nothing is missed."""
        while True:
            try:
                full = await self._poll()
            except ServiceError as error:
                self._tell(well=False, detail=error.detail)
                await asyncio.sleep(RETRY_INTERVAL)
            except Exception:
                log.exception("a log tail failed", filters=self._filters)
                self._tell(well=False, detail="The tail failed; the dashboard's own log says why.")
                await asyncio.sleep(RETRY_INTERVAL)
            else:
                self._tell(well=True)
                await asyncio.sleep(0 if full else self._interval)

    def join(self, follower: Follower) -> None:
        """Let `follower` see what comes from now on; its first message says how the tail is, once that is known."""
        self.followers.add(follower)
        if self._well is not None:
            follower.tell(status(well=self._well))
        if self.task is None:
            self.task = asyncio.create_task(self.run(), name="log-tail")

    async def _poll(self) -> bool:
        after = {"after": self._cursor} if self._cursor else {}
        answer = await self._fetch({**self._filters, **after, "limit": BATCH})
        rows = [*map(_gap_row, answer.get("gaps") or ()), *answer.get("items", ())]
        self._cursor = answer.get("cursor") or self._cursor
        if rows:
            for follower in self.followers:
                follower.push(rows)
        return len(answer.get("items", ())) >= BATCH

    def _tell(self, *, well: bool, detail: str = "") -> None:
        if well == self._well:
            return
        self._well = well
        for follower in self.followers:
            follower.tell(status(well=well, detail=detail))


class Tails:
    """The tails of this process by filter; the last follower who leaves ends a tail."""

    def __init__(self, fetch: Fetch, interval: float = INTERVAL) -> None:
        """Make tails that ask with `fetch`."""
        self._fetch = fetch
        self._interval = interval
        self._tails: dict[frozenset[tuple[str, str]], Tail] = {}

    def __len__(self) -> int:
        """Count the distinct filters that are followed."""
        return len(self._tails)

    def follow(self, filters: Mapping[str, str], follower: Follower) -> None:
        """Let `follower` see what comes from now on; TooManyFilters where this process follows enough."""
        key = frozenset(filters.items())
        if key not in self._tails and len(self._tails) >= MAX_FILTERS:
            raise TooManyFilters
        self._tails.setdefault(key, Tail(self._fetch, filters, self._interval)).join(follower)

    def leave(self, follower: Follower) -> None:
        """Let `follower` see no more."""
        for key, tail in list(self._tails.items()):
            tail.followers.discard(follower)
            if not tail.followers and tail.task:
                tail.task.cancel()
                del self._tails[key]

    async def stop(self) -> None:
        """End all tails."""
        tasks = [tail.task for tail in self._tails.values() if tail.task]
        self._tails.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def status(*, well: bool, detail: str = "") -> Row:
    """Make the message that says how the tail is."""
    return {"type": "status", "well": well, "detail": detail}


def _gap_row(marker: Any) -> Row:
    known = marker if isinstance(marker, Mapping) else {}
    return gap(known.get("count"), str(known.get("reason") or known.get("detail") or "Logger has no more of these"))
