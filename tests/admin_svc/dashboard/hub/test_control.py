"""Control messages reach every process that listens."""

import asyncio

from asgiref.sync import sync_to_async

from admin_svc.dashboard.hub import control


async def test_an_announcement_is_heard_by_its_topic() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(control.listen(["events"], heard.put_nowait))
    async with asyncio.timeout(2):
        while heard.empty():
            await sync_to_async(control.announce)("events")
            await asyncio.sleep(0.01)
    assert heard.get_nowait() == "events"
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
