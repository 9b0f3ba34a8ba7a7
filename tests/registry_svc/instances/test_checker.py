"""The checker's tasks: they end when they are told to, whatever happens at that moment."""

import asyncio
from types import SimpleNamespace
from typing import Any

from registry_svc.instances.checker import Checker
from registry_svc.instances.policy import Policy


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
