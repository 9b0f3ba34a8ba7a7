"""The checker: one task per own instance probes it at its interval; the first delay is drawn, so probes never bunch."""

import asyncio
import random

import structlog

from libs.discovery.model import Registration
from registry_svc.instances import observation
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.errors import UnknownInstance
from registry_svc.instances.probes import Prober, Result
from registry_svc.instances.records import Record
from registry_svc.instances.store import Key

log = structlog.get_logger(__name__)

#: An instance on its way back is asked at this pace (seconds).
RETURN_INTERVAL = 0.3
#: An instance whose lease is in doubt has so long to answer (seconds).
DOUBT_PATIENCE = 0.5
#: It is asked again after so long (seconds), unless more than so many are in doubt.
DOUBT_EVERY = 0.4
MANY_DOUBTS = 50
JITTER = 0.1

_dice = random.SystemRandom()


class Checker:
    """Follows the catalog: call `reconcile` on the loop after each change of a type."""

    def __init__(self, catalog: Catalog, prober: Prober) -> None:
        """Check the instances of `catalog` whose leases this Registry holds."""
        self._catalog = catalog
        self._prober = prober
        self._seen: dict[str, int] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._hurry: dict[Key, asyncio.Event] = {}
        self._doubts: set[asyncio.Task[None]] = set()

    def reconcile(self, service: str) -> None:
        """Start to check new instances, end with those gone or held elsewhere, and wake those that return."""
        self._seen[service], ids = self._catalog.changed(service, self._seen.get(service))
        if ids is None:
            ids = [record.registration.id for record in self._catalog.records(service)]
        for instance_id in ids:
            self._reconcile((service, instance_id), self._catalog.find(service, instance_id))

    def _reconcile(self, key: Key, record: Record | None) -> None:
        if record is None or record.owner != self._catalog.me:
            task = self._tasks.pop(key, None)
            if task is not None:
                task.cancel()
                del self._hurry[key]
            return
        if key not in self._tasks or self._tasks[key].done():
            self._hurry[key] = asyncio.Event()
            self._tasks[key] = asyncio.create_task(self._follow(key))
        if record.returning:
            self._hurry[key].set()

    def doubt(self, service: str, instance_id: str) -> None:
        """Ask an instance at once whether it lives: the stream of its beats ended, or its Registry is gone."""
        task = asyncio.create_task(self._judge((service, instance_id)))
        self._doubts.add(task)
        task.add_done_callback(self._doubts.discard)

    def expect(self, record: Record) -> None:
        """Give an instance that has just registered a moment for its first beat, and doubt it if there is none."""
        mine, registered = record.registration, record.lease_expires

        def look() -> None:
            if self._catalog.find(mine.type, mine.id) is record and record.lease_expires == registered:
                self.doubt(mine.type, mine.id)

        asyncio.get_running_loop().call_later(DOUBT_EVERY, look)

    async def stop(self) -> None:
        """End all tasks."""
        tasks = [*self._tasks.values(), *self._doubts]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, key: Key) -> None:
        hurry = self._hurry[key]
        first = True
        target = self._catalog.record(*key).registration
        try:
            while True:
                record = self._catalog.record(*key)
                await self._pause(hurry, self._delay(record, first=first))
                first = False
                target = await self._check(key)
        except UnknownInstance:
            return
        finally:
            await self._prober.forget(target)

    def _delay(self, record: Record, *, first: bool) -> float:
        interval = max(record.registration.health.interval, len(self._tasks) / self._catalog.policy.checks_per_second)
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

    async def _check(self, key: Key) -> Registration:
        target = self._catalog.record(*key).registration
        result = await self._prober.probe(target)
        with self._catalog.change(*key, f"health check: {result.check.detail}") as record:
            if record.registration.incarnation == target.incarnation:
                record.take_check(result.check)
        return target

    async def _judge(self, key: Key) -> None:
        """Take the lease from who is not there any more; ask who answers again, until it beats or its lease is over.

        No answer in time is a guess: the guards may hold it back, and then the silence will tell.
        """
        record = self._catalog.find(*key)
        renewed = record.lease_expires if record else 0.0
        while record is not None:
            result = await self._prober.probe(record.registration, within=DOUBT_PATIENCE)
            if self._catalog.find(*key) is not record or record.lease_expires != renewed or not record.lease_held:
                return
            if result.failure == "unreachable" or (result.failure == "timeout" and self._may_guess(key[0])):
                with self._catalog.change(*key, f"it died: {result.check.detail}"):
                    record.lose_lease()
                observation.EVICTIONS.labels(key[0], "death").inc()
            if len(self._doubts) > MANY_DOUBTS:
                return
            await asyncio.sleep(DOUBT_EVERY)

    def _may_guess(self, service: str) -> bool:
        total = sum(record.owner == self._catalog.me for record in self._catalog.records(service))
        return self._catalog.guards.may_evict(service, total, self._catalog.clock())


class SharedProbes:
    """Probes on demand; callers from outside share one result per second, so that they cannot load an instance."""

    SHARE_SECONDS = 1.0

    def __init__(self) -> None:
        """Begin with none."""
        self._recent: dict[Key, tuple[float, asyncio.Task[Result]]] = {}

    async def shared(self, catalog: Catalog, prober: Prober, key: Key) -> Result:
        """Give the result of a probe that began less than a second ago, or of a new one."""
        now = asyncio.get_running_loop().time()
        began, task = self._recent.get(key, (float("-inf"), None))
        if task is None or now - began > self.SHARE_SECONDS:
            self._recent = {each: kept for each, kept in self._recent.items() if now - kept[0] <= self.SHARE_SECONDS}
            task = asyncio.create_task(prober.probe(catalog.record(*key).registration))
            self._recent[key] = (now, task)
        return await asyncio.shield(task)
