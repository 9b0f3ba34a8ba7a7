"""The checker's tasks: they end when they are told to, whatever happens at that moment."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from libs.discovery import HealthSpec, LastCheck
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.checker import Checker
from registry_svc.instances.journal import MemoryJournal
from registry_svc.instances.policy import Policy
from registry_svc.instances.probes import Result
from tests.registry_svc.parts import catalog_of, record, registration


class OneInstance:
    """A catalog with one instance, which is checked once a minute."""

    def __init__(self) -> None:
        health = SimpleNamespace(interval=60.0)
        registration = SimpleNamespace(id="todo-1", health=health)
        self.only = SimpleNamespace(registration=registration, returning=False, owner="registry-1")
        self.me = "registry-1"
        self.policy = Policy()

    def record(self, service: str, instance_id: str) -> Any:
        return self.only

    def records(self, service: str) -> list[Any]:
        return [self.only]

    def changed(self, service: str, since: int | None) -> tuple[int, None]:
        return 1, None

    def find(self, service: str, instance_id: str) -> Any:
        return self.only


class Asleep(Checker):
    """A checker whose checks ask nobody."""

    async def _check(self, key: tuple[str, str]) -> Any:
        await asyncio.sleep(0)


class NoProber:
    """Keeps no connections."""

    async def forget(self, target: Any) -> None:
        return


async def test_a_stop_in_the_same_moment_as_a_wake_up_is_not_lost() -> None:
    catalog = OneInstance()
    checker = Asleep(catalog, NoProber())  # type: ignore[arg-type]
    checker.reconcile("todo")
    for _ in range(5):  # turns of the loop: the task begins, and pauses
        await asyncio.sleep(0)

    catalog.only.returning = True
    checker.reconcile("todo")  # wakes it
    await asyncio.sleep(0)

    async with asyncio.timeout(2):
        await checker.stop()


class Diary:
    """A prober that only notes when it was asked."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._wanted, self._there = 0, asyncio.Event()

    async def asked(self, count: int) -> None:
        """Wait until it was asked so often."""
        self._wanted = count
        async with asyncio.timeout(20):
            await self._there.wait()

    async def probe(self, target: Any, **options: Any) -> Result:
        self.times.append(asyncio.get_running_loop().time())
        if len(self.times) >= self._wanted > 0:
            self._there.set()
        return Result(LastCheck(datetime.now(UTC), "passing"))

    async def forget(self, target: Any) -> None:
        return


def many(count: int, interval: float, **policy: Any) -> tuple[Catalog, Diary, Checker]:
    catalog, diary = catalog_of(MemoryJournal(), lambda service: None, **policy), Diary()
    for number in range(count):
        mine = registration(instance_id=f"todo-{number}", http_port=80, health=HealthSpec(interval=interval))
        catalog.put(record(mine), "registered")
    return catalog, diary, Checker(catalog, diary)  # type: ignore[arg-type]


async def test_the_checks_of_many_that_registered_at_once_are_a_steady_trickle() -> None:
    _, diary, checker = many(400, interval=1.0, checks_per_second=1000)
    began = asyncio.get_running_loop().time()
    checker.reconcile("todo")
    await diary.asked(1200)  # three rounds
    await checker.stop()
    a_fifth = Counter(int((at - began) * 5) for at in diary.times[:1200])
    busiest = max(a_fifth.values())
    assert busiest < 2 * 400 / 5, f"of 80 a fifth of a second, {busiest} came in the busiest"


async def test_with_too_many_to_check_each_is_checked_less_often() -> None:
    _, _, checker = many(300, interval=1.0, checks_per_second=50)
    checker.reconcile("todo")
    only = checker._catalog.record("todo", "todo-0")
    delays = [checker._delay(only, first=False) for _ in range(100)]
    assert 5.4 <= min(delays) <= max(delays) <= 6.6
    await checker.stop()


async def test_who_is_held_elsewhere_is_checked_elsewhere() -> None:
    catalog, diary, checker = many(2, interval=0.05)
    checker.reconcile("todo")
    with catalog.change("todo", "todo-0", "taken over") as mine:
        mine.owner = "registry-2"
    checker.reconcile("todo")
    assert set(checker._tasks) == {("todo", "todo-1")}
    await diary.asked(len(diary.times) + 3)
    await checker.stop()
