"""Control messages between the processes of this service: "this topic has news". Small, and lost without harm.

They go through the channel layer in groups `control.<topic>`. One channel per process listens for all its sockets,
so an outage of Redis disturbs no socket.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from libs.contracts.names import CONTROL_GROUP

log = structlog.get_logger(__name__)

#: Groups expire in some layers after a day; joining them anew each hour keeps them.
REJOIN_SECONDS = 3600.0
RETRY_SECONDS = 2.0


def announce(topic: str) -> None:
    """Tell all processes, from synchronous code, that `topic` has news. Without Redis they see it at the next poll."""
    message = {"type": "control.news", "topic": topic}
    try:
        async_to_sync(get_channel_layer().group_send)(CONTROL_GROUP.format(topic=topic), message)
    except (RedisError, OSError) as error:
        log.warning("a control message was lost", topic=topic, error=str(error))


async def listen(topics: Sequence[str], heard: Callable[[str], None]) -> None:
    """Call `heard` for each control message about `topics`, until cancelled."""
    while True:
        try:
            await _listen(topics, heard)
        except (RedisError, OSError) as error:
            log.warning("the channel layer is away", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)


async def _listen(topics: Sequence[str], heard: Callable[[str], None]) -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    for topic in topics:
        await layer.group_add(CONTROL_GROUP.format(topic=topic), channel)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REJOIN_SECONDS):
            while True:
                heard((await layer.receive(channel))["topic"])
