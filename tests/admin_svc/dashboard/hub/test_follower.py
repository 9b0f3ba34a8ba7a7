"""A socket's buffer is bounded; what it can't take becomes a gap."""

import asyncio
from typing import Any

import pytest

from admin_svc.dashboard.hub.follower import CREDIT, FRAME_ROWS, Follower, gap


def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"message": str(number)} for number in range(start, start + count)]


async def frame(follower: Follower) -> Any:
    return await asyncio.wait_for(follower.frame(), 1)


async def test_rows_come_in_order_and_in_frames_of_bounded_size() -> None:
    follower = Follower()
    follower.push(rows(FRAME_ROWS + 1))
    assert (await frame(follower))["items"] == rows(FRAME_ROWS)
    assert (await frame(follower))["items"] == rows(1, FRAME_ROWS)


async def test_a_frame_waits_for_rows() -> None:
    follower = Follower()
    waiting = asyncio.create_task(follower.frame())
    await asyncio.sleep(0)
    assert not waiting.done()
    follower.push(rows(1))
    assert (await waiting)["sequence"] == 1


async def test_without_acknowledgement_the_frames_stop() -> None:
    follower = Follower()
    for _ in range(CREDIT):
        follower.push(rows(1))
        await frame(follower)
    follower.push(rows(1))
    waiting = asyncio.create_task(follower.frame())
    await asyncio.sleep(0)
    assert not waiting.done()
    follower.acknowledge(1)
    assert (await waiting)["sequence"] == CREDIT + 1


async def test_what_does_not_fit_is_counted_as_a_gap_before_the_rest() -> None:
    follower = Follower(max_rows=10)
    follower.push(rows(25))
    items = (await frame(follower))["items"]
    assert items[0]["gap"]["count"] == 15
    assert items[1:] == rows(10, 15)


async def test_a_dropped_gap_still_counts_the_rows_it_stood_for() -> None:
    follower = Follower(max_rows=2)
    follower.push([gap(7, "Logger"), *rows(3)])
    assert (await frame(follower))["items"][0]["gap"]["count"] == 8


async def test_an_acknowledgement_of_what_was_never_sent_gives_no_credit() -> None:
    follower = Follower()
    follower.acknowledge(1_000)
    for _ in range(CREDIT):
        follower.push(rows(1))
        await frame(follower)
    follower.push(rows(1))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(follower.frame(), 0.05)


async def test_a_status_passes_a_full_buffer() -> None:
    follower = Follower()
    follower.push(rows(1))
    follower.tell({"type": "status", "well": False})
    assert (await frame(follower))["type"] == "status"
