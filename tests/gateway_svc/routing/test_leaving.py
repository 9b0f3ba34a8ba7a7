import asyncio
from typing import Any

import pytest

from gateway_svc.routing.leaving import Departure
from libs.rpc.alarms import Alarms
from libs.rpc.asgi import Disconnected


class Client:
    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}


async def test_work_for_a_client_that_left_is_cancelled() -> None:
    client, cancelled = Client(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            cancelled.set()

    async def watched() -> None:
        with Departure(client.receive, Alarms()) as departure:
            departure.watch()
            await work()

    asyncio.get_running_loop().call_later(0.1, client.left.set)
    with pytest.raises(Disconnected):
        await watched()

    assert cancelled.is_set()
    await asyncio.sleep(0)  # and this task itself goes on


async def test_quick_work_is_not_watched_at_all() -> None:
    asked: list[bool] = []

    async def receive() -> Any:
        asked.append(True)

    with Departure(receive, Alarms()) as departure:
        departure.watch()
        await asyncio.sleep(0)

    await asyncio.sleep(0.1)
    assert asked == []


async def test_a_cancel_from_elsewhere_stays_one() -> None:
    client = Client()

    async def block() -> None:
        with Departure(client.receive, Alarms()) as departure:
            departure.watch()
            departure.hurry()
            await asyncio.sleep(10)

    task = asyncio.create_task(block())
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_its_watcher_ends_with_the_block() -> None:
    client = Client()
    with Departure(client.receive, Alarms()) as departure:
        departure.watch()
        departure.hurry()
        await asyncio.sleep(0.01)

    await asyncio.sleep(0.01)
    assert departure._watcher is not None
    assert departure._watcher.cancelled()
