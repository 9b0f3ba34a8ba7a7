"""LongPoll: the waiting part of `GET /v1/services/{type}/watch`, before Django, so that no handler thread waits.

When the wait is over, or was never due, the request goes on to Django, which checks and answers it as any other.
"""

import asyncio
import random
import re
from urllib.parse import parse_qs

from libs.contracts.errors import ServiceError
from libs.rpc.asgi import Identify, Message, Receive, Scope, Send
from libs.service.asgi import Application
from registry_svc.instances import access
from registry_svc.instances.api.serializers import MAX_WAIT
from registry_svc.instances.changes import Changes
from registry_svc.instances.registry import Registry

PATH = re.compile(r"/v1/services/([^/]+)/watch")
DEFAULT_WAIT = 60
#: A wait may last longer by up to this share, so that many pollers do not come back at once.
JITTER = 1 / 16

_dice = random.SystemRandom()


class LongPoll:
    """Holds a watch back until the type's revision differs from `index`, or the wait is over, or the caller left."""

    def __init__(self, app: Application, registry: Registry, changes: Changes, identify: Identify) -> None:
        """Wait for `changes`, then let `app` answer."""
        self._app = app
        self._registry = registry
        self._changes = changes
        self._identify = identify
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Let all waiting requests be answered now."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait where the request asks for it, then pass it on."""
        match = PATH.fullmatch(scope.get("path", ""))
        if scope["type"] == "http" and scope["method"] == "GET" and match:
            inbox = _Inbox(receive)
            if await self._wait(match[1], scope, inbox):
                return
            receive = inbox.receive
        await self._app(scope, receive, send)

    async def _wait(self, service: str, scope: Scope, inbox: "_Inbox") -> bool:
        """Wait; tell whether the caller left."""
        index, wait = _asked(scope)
        if index is None or not wait or not self._may_see(service, scope):
            return False
        gone = asyncio.create_task(inbox.disconnected())
        over = [gone, *map(asyncio.create_task, (self._changed(service, index), self._closing.wait()))]
        try:
            await asyncio.wait(over, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            return gone.done()
        finally:
            for task in over:
                task.cancel()

    async def _changed(self, service: str, index: int) -> None:
        """Return when the revision differs from `index`."""
        changed = asyncio.Event()
        unlisten = self._changes.listen(lambda name: changed.set() if name == service else None)
        try:
            while self._registry.catalog.revision(service) == index:
                await changed.wait()
                changed.clear()
        finally:
            unlisten()

    def _may_see(self, service: str, scope: Scope) -> bool:
        try:
            access.visible(self._registry.catalog.bundle, self._identify(scope["headers"]).caller, service)
        except ServiceError:
            return False
        return True


class _Inbox:
    """Reads ahead to notice a disconnect, and gives the messages back to whoever comes next."""

    def __init__(self, receive: Receive) -> None:
        """Read from `receive`."""
        self._receive = receive
        self._read: list[Message] = []

    async def disconnected(self) -> None:
        """Return when the client has left."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return
            self._read.append(message)

    async def receive(self) -> Message:
        """Give the next message."""
        return self._read.pop(0) if self._read else await self._receive()


def _asked(scope: Scope) -> tuple[int | None, float]:
    """Give index and wait; nothing to wait for where they are not right, which Django then says."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    index, wait = query.get("index", [""])[0], query.get("wait", [str(DEFAULT_WAIT)])[0]
    if not (index.isascii() and index.isdigit() and wait.isascii() and wait.isdigit()) or int(wait) > MAX_WAIT:
        return None, 0.0
    return int(index), int(wait) * _dice.uniform(1.0, 1.0 + JITTER)
