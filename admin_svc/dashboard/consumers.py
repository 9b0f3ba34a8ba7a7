"""The sockets of the pages. Only members of staff get one, and only for as long as their session is valid."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from admin_svc.dashboard import selectors
from admin_svc.dashboard.hub.follower import Follower
from admin_svc.dashboard.hub.hub import in_thread
from admin_svc.dashboard.hub.lifespan import hub
from admin_svc.dashboard.hub.tail import status
from admin_svc.dashboard.hub.topic import Topic
from admin_svc.dashboard.logfilter import log_filter
from libs.contracts.errors import ServiceError

REFUSED = 4403
SESSION_SECONDS = 30.0


class StaffConsumer(AsyncJsonWebsocketConsumer):
    """A socket for staff. Its work runs in tasks that end with it."""

    channel_layer_alias = ""  # the hub listens to the channel layer, once for all sockets
    session_seconds = SESSION_SECONDS

    async def connect(self) -> None:
        """Accept staff; everybody else learns by the close code that he must sign in."""
        self.tasks: set[asyncio.Task[None]] = set()
        await self.accept()
        if await self._is_staff():
            self.spawn(self._watch_session())
            await self.opened()
        else:
            await self.close(REFUSED)

    async def opened(self) -> None:
        """Begin to work for a socket that is accepted."""

    async def closed(self) -> None:
        """Give back what the socket held."""

    async def disconnect(self, code: int) -> None:
        """End the socket's tasks."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.closed()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` for as long as the socket lives."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _is_staff(self) -> bool:
        user, session = self.scope.get("user"), self.scope.get("session")
        if user is None or session is None or not user.is_authenticated:
            return False
        return bool(await in_thread(_session_is_valid, session.session_key, user.pk))

    async def _watch_session(self) -> None:
        while True:
            await asyncio.sleep(self.session_seconds)
            if not await self._is_staff():
                await self.close(REFUSED)
                return


class TopicConsumer(StaffConsumer):
    """Sends the newest message of a topic whenever there is one."""

    topic: Topic | None = None

    async def opened(self) -> None:
        """Watch the topic that the address names."""
        self.topic = hub().topics.get(self.scope["url_route"]["kwargs"]["topic"])
        if self.topic is None:
            await self.close(4404)
            return
        self.topic.watchers += 1
        self.spawn(self._send_news(self.topic))

    async def closed(self) -> None:
        """Watch no more."""
        if self.topic:
            self.topic.watchers -= 1

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Take nothing from the browser."""

    async def _send_news(self, topic: Topic) -> None:
        revision = 0
        while True:
            revision, message = await topic.after(revision)
            await self.send_json(message)


class LogsConsumer(StaffConsumer):
    """The live log: the browser sends `follow` with a filter, and `ack` for each frame it has drawn."""

    follower: Follower | None = None
    sender: asyncio.Task[None] | None = None

    async def closed(self) -> None:
        """Leave the tail."""
        if self.follower:
            hub().tails.leave(self.follower)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Do what the browser says; what it must not say is ignored."""
        if not isinstance(content, Mapping):
            return
        if content.get("op") == "follow":
            await self._follow(content.get("filter"))
        elif content.get("op") == "ack" and self.follower and isinstance(content.get("sequence"), int):
            self.follower.acknowledge(content["sequence"])

    async def _follow(self, wanted: object) -> None:
        if self.follower:
            hub().tails.leave(self.follower)
        if self.sender:
            self.sender.cancel()
        self.follower = Follower()
        try:
            hub().tails.follow(log_filter(wanted), self.follower)
        except ServiceError as error:
            await self.send_json(status(well=False, detail=error.detail))
            return
        self.sender = self.spawn(self._send_frames(self.follower))

    async def _send_frames(self, follower: Follower) -> None:
        while True:
            await self.send_json(await follower.frame())


def _session_is_valid(session_key: str, user_id: int) -> bool:
    return selectors.session_is_valid(session_key=session_key, user_id=user_id)
