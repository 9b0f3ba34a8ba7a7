"""A topic keeps the newest message only."""

import asyncio

from admin_svc.dashboard.hub.topic import Topic


async def test_who_comes_late_gets_the_newest_message_at_once() -> None:
    topic = Topic("services")
    topic.publish({"n": 1})
    topic.publish({"n": 2})
    assert await topic.after(0) == (2, {"n": 2})


async def test_who_waits_is_woken_by_the_next_message() -> None:
    topic = Topic("services")
    waiting = asyncio.create_task(topic.after(0))
    await asyncio.sleep(0)
    topic.publish({"n": 1})
    assert await asyncio.wait_for(waiting, 1) == (1, {"n": 1})


async def test_an_equal_message_is_no_news_unless_it_is_announced() -> None:
    topic = Topic("events")
    topic.publish({"n": 1})
    topic.publish({"n": 1})
    assert topic.revision == 1
    topic.announce({"n": 1})
    assert topic.revision == 2
