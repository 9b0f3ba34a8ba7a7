"""The checker: one task per instance probes it at its interval; the first delay is drawn, so probes never bunch."""

import asyncio
import random

import structlog

from registry_svc.instances import probes
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.errors import UnknownInstance
from registry_svc.instances.probes import Result
from registry_svc.instances.records import Record

log = structlog.get_logger(__name__)

#: An instance on its way back is asked at this pace (seconds).
RETURN_INTERVAL = 0.3
JITTER = 0.1
CONCURRENT = 64

_dice = random.SystemRandom()


class Checker:
    """Follows the catalog: call `reconcile` on the loop after each change of a type."""

    def __init__(self, catalog: Catalog) -> None:
        """Check the instances of `catalog`."""
        self._catalog = catalog
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._hurry: dict[tuple[str, str], asyncio.Event] = {}

    def reconcile(self, service: str) -> None:
        """Start to check new instances, end with those gone, and wake those that return."""
        records = {(service, each.registration.id): each for each in self._catalog.records(service)}
        for key, record in records.items():
            if key not in self._tasks or self._tasks[key].done():
                self._hurry[key] = asyncio.Event()
                self._tasks[key] = asyncio.create_task(self._follow(key))
            if record.returning:
                self._hurry[key].set()
        for key in [key for key in self._tasks if key[0] == service and key not in records]:
            self._tasks.pop(key).cancel()
            del self._hurry[key]

    async def stop(self) -> None:
        """End all tasks."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, key: tuple[str, str]) -> None:
        hurry = self._hurry[key]
        first = True
        while True:
            record = self._catalog.record(*key)
            await self._pause(hurry, self._delay(record, first=first))
            first = False
            try:
                await self._check(key)
            except UnknownInstance:
                return

    def _delay(self, record: Record, *, first: bool) -> float:
        interval = record.registration.health.interval
        if first:
            return _dice.uniform(0, interval)
        return (RETURN_INTERVAL if record.returning else interval) * _dice.uniform(1 - JITTER, 1 + JITTER)

    async def _pause(self, hurry: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):  # wait_for of Python 3.11 can swallow a cancellation
                await hurry.wait()
        except TimeoutError:
            return
        hurry.clear()

    async def _check(self, key: tuple[str, str]) -> None:
        target = self._catalog.record(*key).registration
        async with self._slots:
            result = await probes.probe(target)
        with self._catalog.change(*key, f"health check: {result.check.detail}") as record:
            if record.registration.incarnation == target.incarnation:
                record.take_check(result.check)


class SharedProbes:
    """Probes on demand; callers from outside share one result per second, so that they cannot load an instance."""

    SHARE_SECONDS = 1.0

    def __init__(self) -> None:
        """Begin with none."""
        self._recent: dict[tuple[str, str], tuple[float, asyncio.Task[Result]]] = {}

    async def shared(self, catalog: Catalog, key: tuple[str, str]) -> Result:
        """Give the result of a probe that began less than a second ago, or of a new one."""
        now = asyncio.get_running_loop().time()
        began, task = self._recent.get(key, (float("-inf"), None))
        if task is None or now - began > self.SHARE_SECONDS:
            self._recent = {each: kept for each, kept in self._recent.items() if now - kept[0] <= self.SHARE_SECONDS}
            task = asyncio.create_task(probes.probe(catalog.record(*key).registration))
            self._recent[key] = (now, task)
        return await asyncio.shield(task)
