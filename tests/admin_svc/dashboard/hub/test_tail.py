"""One poll of Logger serves all who follow the same filter."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from admin_svc.dashboard.errors import TooManyFilters
from admin_svc.dashboard.hub import tail as tail_module
from admin_svc.dashboard.hub.follower import Follower
from admin_svc.dashboard.hub.tail import Tails
from libs.contracts.errors import Unavailable


class Logger:
    """A Logger in memory: a list of records, cursors are positions."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.gaps: list[dict[str, Any]] = []
        self.away = False

    async def tail(self, params: dict[str, str | int]) -> Mapping[str, Any]:
        self.asked.append(params)
        if self.away:
            raise Unavailable("logger is away")
        after = int(params.get("after", len(self.records)))
        items = self.records[after : after + int(params["limit"])]
        gaps, self.gaps = self.gaps, []
        return {"items": items, "cursor": str(after + len(items)), "gaps": gaps}

    def write(self, count: int) -> None:
        self.records += [{"message": str(len(self.records) + n)} for n in range(count)]


@pytest.fixture
def logger() -> Logger:
    return Logger()


@pytest.fixture
async def tails(logger: Logger) -> AsyncIterator[Tails]:
    made = Tails(logger.tail, interval=0.005)
    yield made
    await made.stop()


async def frame(follower: Follower) -> Any:
    async with asyncio.timeout(2):
        return await follower.frame()


async def joined(tails: Tails, filters: Mapping[str, str]) -> Follower:
    follower = Follower()
    tails.follow(filters, follower)
    assert (await frame(follower)) == {"type": "status", "well": True, "detail": ""}
    return follower


async def test_a_follower_sees_what_is_written_after_it_was_told_that_the_tail_is_well(
    tails: Tails, logger: Logger
) -> None:
    logger.write(3)
    follower = await joined(tails, {})
    logger.write(2)
    assert [row["message"] for row in (await frame(follower))["items"]] == ["3", "4"]


async def test_followers_of_one_filter_share_one_poll(tails: Tails, logger: Logger) -> None:
    first, second = await joined(tails, {"service": "todo"}), await joined(tails, {"service": "todo"})
    assert len(tails) == 1
    logger.write(1)
    assert (await frame(first))["items"] == (await frame(second))["items"]


async def test_the_filter_goes_to_logger(tails: Tails, logger: Logger) -> None:
    await joined(tails, {"service": "todo", "q": "locked"})
    assert logger.asked[0] == {"service": "todo", "q": "locked", "limit": tail_module.BATCH}


async def test_the_last_who_leaves_ends_the_poll(tails: Tails) -> None:
    first, second = await joined(tails, {}), await joined(tails, {})
    tails.leave(first)
    assert len(tails) == 1
    tails.leave(second)
    assert len(tails) == 0


async def test_more_filters_than_allowed_are_refused(tails: Tails) -> None:
    for number in range(tail_module.MAX_FILTERS):
        tails.follow({"q": str(number)}, Follower())
    with pytest.raises(TooManyFilters):
        tails.follow({"q": "one more"}, Follower())
    tails.follow({"q": "0"}, Follower())


async def test_an_outage_of_logger_is_told_and_loses_nothing(
    tails: Tails, logger: Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "RETRY_INTERVAL", 0.005)
    follower = await joined(tails, {})
    logger.away = True
    assert (await frame(follower)) == {"type": "status", "well": False, "detail": "logger is away"}
    logger.write(2)
    logger.away = False
    assert (await frame(follower))["well"] is True
    assert len((await frame(follower))["items"]) == 2


async def test_a_gap_of_logger_is_a_row(tails: Tails, logger: Logger) -> None:
    follower = await joined(tails, {})
    logger.gaps = [{"count": 12, "reason": "dropped"}]
    assert (await frame(follower))["items"] == [{"gap": {"count": 12, "reason": "dropped"}}]
