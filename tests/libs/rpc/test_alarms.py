import asyncio
from collections.abc import Callable

import pytest

from libs.rpc.alarms import STEP, Alarms


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (what it waits for has no event)
            await asyncio.sleep(STEP / 4)


async def test_each_rings_when_it_is_due_and_not_before() -> None:
    alarms, loop = Alarms(), asyncio.get_running_loop()
    rang: dict[str, float] = {}
    began = loop.time()
    for name, seconds in (("late", 0.15), ("soon", 0.05)):
        alarms.set(name, seconds, lambda name=name: rang.setdefault(name, loop.time() - began))  # type: ignore[misc]

    await until(lambda: len(rang) == 2)
    assert rang["soon"] >= 0.05
    assert rang["late"] >= 0.15
    assert list(rang) == ["soon", "late"]


async def test_what_is_taken_back_does_not_ring_even_by_another_of_the_same_moment() -> None:
    alarms = Alarms()
    rang: list[str] = []

    def ring() -> None:
        rang.append("first")
        alarms.drop("second")

    alarms.set("first", 0.01, ring)
    alarms.set("second", 0.01, lambda: rang.append("second"))
    alarms.set("third", 0.01, lambda: rang.append("third"))
    alarms.drop("unknown")

    await until(lambda: "third" in rang)
    assert rang == ["first", "third"]


async def test_without_deadlines_nothing_wakes_the_loop() -> None:
    alarms = Alarms()
    alarms.set("one", 10.0, pytest.fail)
    alarms.drop("one")

    await until(lambda: alarms._timer is None)


async def test_one_that_rings_may_set_another() -> None:
    alarms = Alarms()
    rang: list[int] = []
    alarms.set(1, 0.0, lambda: alarms.set(2, 0.0, lambda: rang.append(2)))

    await until(lambda: rang == [2])
