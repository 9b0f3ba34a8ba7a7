"""The sweep: leases that lapsed, instances that stayed down too long, and what the guards have to be told."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from registry_svc.instances import observation
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.records import Record

log = structlog.get_logger(__name__)

#: Seconds between two looks at the clock: a lapsed lease is noticed that late at most.
TICK = 0.05

_dice = random.SystemRandom()


@dataclass(slots=True)
class Sweeper:
    """Call `sweep` every TICK. `doubt` asks an instance whose lease came from a dead Registry before it is evicted."""

    catalog: Catalog
    doubt: Callable[[Record], None]
    leases: int = 0  # held by this Registry
    _due: float | None = None
    _look_at: dict[str, float] = field(default_factory=dict)  # when anything of a type can be due again

    def sweep(self) -> None:
        """Sweep once. A late sweep means that this process stood still."""
        catalog, now = self.catalog, self.catalog.clock()
        late = now - self._due if self._due is not None else 0.0
        self._due = now + TICK
        if late > catalog.policy.stall:
            self.stalled(late)
        catalog.guards.expire(now)
        for service in catalog.bundle.services:
            if self._look_at.get(service, 0.0) <= now:
                self._look_at[service] = self._sweep_type(service, now)

    def stalled(self, seconds: float) -> None:
        """Note that this process stood still: for one lease nobody is evicted for silence."""
        catalog = self.catalog
        lease = 3 * catalog.heartbeat_every
        log.warning("the registry stood still: leases begin anew", seconds=round(seconds, 3))
        observation.STALLS.inc()
        catalog.guards.on(observation.STALL, catalog.clock() + lease)
        catalog.extend(lease)

    def pace(self) -> None:
        """Let beats be as far apart as the number of leases demands."""
        catalog = self.catalog
        mine = [record for service in catalog.bundle.services for record in catalog.records(service)]
        self.leases = sum(record.owner == catalog.me and record.lease_held for record in mine)
        catalog.heartbeat_every = catalog.policy.heartbeat_every(self.leases)

    def _sweep_type(self, service: str, now: float) -> float:
        """Judge the own leases of a type; give the time of the next look: soon, or when a lease ends."""
        policy = self.catalog.policy
        records = [each for each in self.catalog.records(service) if each.owner == self.catalog.me]
        lapsed = [each for each in records if each.lease_held and each.lease_expires <= now]
        held_back = [each for each in _shuffled(lapsed) if not self._evict(each, len(records), now)]
        self.catalog.guards.hold(service, held=len(held_back) > 0 and not self._everywhere())
        for record in records:
            if record.damped_until is not None and record.damped_until <= now:
                self._undamp(record)
            if record.down_since is not None and record.down_since + policy.reap_after < now:
                self.catalog.drop(service, record.registration.id, "reaped: down for too long")
        nexts = [each.lease_expires for each in records if each.lease_held and each.lease_expires > now]
        return now if held_back else min([now + policy.ttl / 6, *nexts])

    def _evict(self, record: Record, total: int, now: float) -> bool:
        """Evict who is silent, or ask it first; False where a guard holds it back."""
        mine = record.registration
        if record.adopted:
            record.lease_expires = now + 3 * self.catalog.heartbeat_every
            self.doubt(record)
            return True
        if not self.catalog.guards.may_evict(mine.type, total, now):
            return False
        with self.catalog.change(mine.type, mine.id, "no beats") as current:
            if current is record:
                current.lose_lease()
        observation.EVICTIONS.labels(mine.type, "silence").inc()
        return True

    def _undamp(self, record: Record) -> None:
        mine = record.registration
        with self.catalog.change(mine.type, mine.id, "no longer damped") as current:
            current.damped_until = None

    def _everywhere(self) -> bool:
        return bool(self.catalog.guards.everywhere)


def _shuffled(records: list[Record]) -> list[Record]:
    return _dice.sample(records, len(records))
