"""The sweep: leases that lapsed, instances that stayed down too long, and the guards against evicting by mistake."""

import random
from dataclasses import dataclass

import structlog

from registry_svc.instances.catalog import Catalog
from registry_svc.instances.records import Record

log = structlog.get_logger(__name__)

_dice = random.SystemRandom()


@dataclass(slots=True)
class Sweeper:
    """Looks at all leases every `every` seconds. `percent` of a type may be evicted per sweep, at least one."""

    catalog: Catalog
    every: float
    percent: int = 15
    reap_after: float = 120.0
    _due: float | None = None

    def sweep(self) -> None:
        """Sweep once. A late sweep means that this process stood still: all leases get that time back."""
        now = self.catalog.clock()
        late = now - self._due if self._due is not None else 0.0
        self._due = now + self.every
        if late > self.every:
            self._compensate(late)
        if now < self.catalog.warm_at:
            return
        if self.catalog.warming:
            self.catalog.end_warm_up()
        for service in self.catalog.bundle.services:
            self._sweep_type(service, now)

    def _compensate(self, late: float) -> None:
        log.warning("the registry stood still: leases are extended", seconds=round(late, 3))
        self.catalog.warm_at += late if self.catalog.warming else 0.0
        for service in self.catalog.bundle.services:
            for record in self.catalog.records(service):
                record.lease_expires += late

    def _sweep_type(self, service: str, now: float) -> None:
        records = self.catalog.records(service)
        lapsed = [each for each in records if each.lease_held and each.lease_expires < now]
        allowed = max(1, len(records) * self.percent // 100)
        self.catalog.guard(service, on=len(lapsed) > allowed)
        for record in _dice.sample(lapsed, min(allowed, len(lapsed))):
            self._evict(record)
        for record in records:
            if record.down_since is not None and record.down_since + self.reap_after < now:
                self.catalog.drop(service, record.registration.id, "reaped: down for too long")

    def _evict(self, record: Record) -> None:
        mine = record.registration
        with self.catalog.change(mine.type, mine.id, "no beats") as current:
            if current is record:
                current.lose_lease()
