"""The hub turns what the platform pushes into messages and journal entries."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from admin_svc.dashboard.hub.hub import Hub
from admin_svc.dashboard.hub.lifespan import hub as running_hub
from admin_svc.dashboard.hub.lifespan import lifespan
from admin_svc.dashboard.models import Transition
from admin_svc.dashboard.sources.recording import RecordingSource
from tests.admin_svc.scenes import an_instance, seven_services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def hub(platform: RecordingSource) -> AsyncIterator[Hub]:
    made = Hub()
    made.start()
    yield made
    await made.stop()


async def until(topic: Any, shown: str) -> str:
    """Wait until the topic's message contains a text."""
    revision = 0
    async with asyncio.timeout(5):
        while True:
            revision, message = await topic.after(revision)
            if shown in str(message):
                return str(message)


async def test_a_pushed_change_reaches_the_topic_and_the_journal(hub: Hub, platform: RecordingSource) -> None:
    await until(hub.topics["services"], "7 of 7 services healthy")
    rest = [one for one in seven_services() if one.service != "todo"]
    platform.change(*rest, an_instance("todo", state="down"))
    await until(hub.topics["services"], "6 of 7 services healthy")
    assert [row.after async for row in Transition.objects.filter(instance="todo-1").order_by("number")] == [
        "up",
        "down",
    ]


async def test_events_are_asked_only_while_somebody_looks(hub: Hub, platform: RecordingSource) -> None:
    await until(hub.topics["services"], "healthy")
    assert platform.called("GET", "events", "/v1/stats") == []
    hub.topics["events"].watchers += 1
    await until(hub.topics["events"], "figures")


async def test_news_about_events_is_announced(hub: Hub) -> None:
    hub.news("events")
    assert await hub.topics["events"].after(0) == (1, {"topic": "events"})


async def test_the_hub_lives_as_long_as_the_server() -> None:
    asks = asyncio.Queue[dict[str, str]]()
    told = asyncio.Queue[dict[str, str]]()
    asks.put_nowait({"type": "lifespan.startup"})
    life = asyncio.create_task(lifespan({"type": "lifespan"}, asks.get, told.put))
    assert await told.get() == {"type": "lifespan.startup.complete"}
    started = running_hub()
    assert running_hub() is started
    asks.put_nowait({"type": "lifespan.shutdown"})
    assert await told.get() == {"type": "lifespan.shutdown.complete"}
    await life
