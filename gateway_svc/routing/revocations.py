"""What has ended: Auth is asked every 300 ms, so a token stops working within a second of its logout or deletion."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog

from libs.contracts.errors import ServiceError
from libs.discovery import ServiceClient
from libs.rpc.status import unavailable

log = structlog.get_logger(__name__)

INTERVAL = 0.3
TIMEOUT = 2.0

#: Access tokens live for ten minutes at most, personal ones are asked for after five: older ends need no memory.
KEEP_SECONDS = 3600.0

#: How long a request waits at the start for the first answer of Auth.
PATIENCE = 2.0

#: Asks Auth for what ended since a cursor (empty: everything that matters).
Ask = Callable[[str], dict[str, Any]]


class Revoked:
    """The ids of the sessions and personal tokens that ended lately. Lives on the event loop."""

    def __init__(self) -> None:
        """Know nothing yet: until the first answer, nobody can tell that a session goes on."""
        self._ended: dict[str, float] = {}
        self.known = False
        self._told = asyncio.Event()

    def __contains__(self, ended_id: str) -> bool:
        return ended_id in self._ended

    def __len__(self) -> int:
        return len(self._ended)

    def add(self, ids: Iterable[str]) -> None:
        """Take an answer of Auth, and forget what is too old to matter."""
        now = time.monotonic()
        self._ended.update(dict.fromkeys(ids, now))
        for ended_id, since in list(self._ended.items()):
            if now - since <= KEEP_SECONDS:
                break
            del self._ended[ended_id]
        self.known = True
        self._told.set()

    async def wait_until_known(self) -> None:
        """Return once there was an answer; Unavailable where Auth gives none in time."""
        try:
            await asyncio.wait_for(self._told.wait(), PATIENCE)
        except TimeoutError:
            raise unavailable("auth") from None


class RevocationPoller:
    """Keeps Revoked current, and says when Auth's keys have changed."""

    def __init__(self, revoked: Revoked, refresh_keys: Callable[[], None], ask: Ask | None = None) -> None:
        """Fill `revoked`; call `refresh_keys` (on a thread) when the version of the key set changes."""
        self._revoked = revoked
        self._refresh_keys = refresh_keys
        self._ask = ask or ask_auth
        self._cursor = ""
        self._jwks_version = ""
        self._failing = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._run(asyncio.sleep))

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, pause: Callable[[float], Awaitable[None]]) -> None:
        while True:
            await self.poll()
            await pause(INTERVAL)

    async def poll(self) -> None:
        """Ask once; what goes wrong is logged when it begins and when it ends."""
        try:
            await self._take(await asyncio.to_thread(self._ask, self._cursor))
        except (ServiceError, ValueError, KeyError, TypeError) as error:
            if not self._failing:
                log.warning("auth does not tell what has ended", error=str(error))
            self._failing = True
            return
        except Exception:
            log.exception("asking auth for what has ended failed")
            return
        if self._failing:
            log.info("auth tells what has ended again")
        self._failing = False

    async def _take(self, answer: dict[str, Any]) -> None:
        ended = [str(item["session_id"]) for item in answer["sessions"]]
        ended += [str(item["token_id"]) for item in answer.get("pats", ())]  # an older Auth has none
        cursor, version = str(answer["cursor"]), str(answer["jwks_version"])
        self._revoked.add(ended)
        self._cursor = cursor
        if version != self._jwks_version:
            await asyncio.to_thread(self._refresh_keys)
            self._jwks_version = version


def ask_auth(cursor: str) -> dict[str, Any]:
    """Ask Auth over the internal protocol."""
    params = {"after": cursor} if cursor else None
    answer = ServiceClient("auth").get("/internal/v1/revocations", params=params, timeout=TIMEOUT)
    document: dict[str, Any] = answer.raise_for_status().json()
    return document
