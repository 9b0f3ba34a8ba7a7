"""The Catalog: all instances of the platform in memory, with a revision per type. The Registry serves from it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import structlog

from libs.discovery.balancers import Pool
from libs.discovery.model import Instance
from libs.identity.bundle import Bundle
from registry_svc.instances.errors import UnknownInstance
from registry_svc.instances.guards import Guards
from registry_svc.instances.journal import Change, Journal
from registry_svc.instances.observation import WARM_UP, count_transition
from registry_svc.instances.policy import SILENCE, Policy
from registry_svc.instances.records import Record
from registry_svc.instances.store import Key, Saved

log = structlog.get_logger(__name__)

#: Who is more changes behind gets everything.
LOG_LENGTH = 1000
#: A whole snapshot is shown again for so long: loads and times of checks in it may be so old (seconds).
FRESH = 1.0
#: The remainder of a revision by this is the Registry's own: what one of them calls unchanged, another does not.
SALTS = 16


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The instances of one type at one revision; of a `delta` those that are new or changed, and the ids `removed`."""

    type: str
    revision: int
    items: tuple[Instance, ...]
    degraded: bool
    delta: bool = False
    removed: tuple[str, ...] = ()
    rendered: dict[str, Any] = field(default_factory=dict, compare=False)  # by kind of caller: many watch the same


@dataclass(slots=True)
class _Type:
    """What is held of a service type; a delta can be given since the revision `floor`."""

    records: dict[str, Record] = field(default_factory=dict)
    graves: dict[str, str] = field(default_factory=dict)
    revision: int = 0
    floor: int = 0
    log: deque[tuple[int, str]] = field(default_factory=deque)
    pool: Pool | None = None
    news: dict[int | None, tuple[float, Snapshot]] = field(default_factory=dict)


class Catalog:
    """Records by type and id. Thread-safe: one lock, held for memory work only.

    `me` names this Registry: it judges the leases that it owns, and believes the other owners about theirs.
    """

    def __init__(
        self,
        bundle: Bundle,
        journal: Journal,
        note: Callable[[str], None],
        *,
        me: str,
        policy: Policy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin empty and warming up for one lease; `note` hears of each type that changed."""
        self.bundle = bundle
        self.journal = journal
        self.me = me
        self.policy = policy
        self.clock = clock
        self.heartbeat_every = policy.heartbeat_every(0)
        self.guards = Guards(policy, self._guard_changed)
        self._note = note
        self._lock = threading.RLock()
        self._salt = crc32(me.encode()) % SALTS
        self._types = {service: _Type() for service in bundle.services}
        self.warm_up(leases=0)

    # -- reading ---------------------------------------------------------------------------------------------------

    def snapshot(self, service: str) -> Snapshot:
        """Show all instances of a type as they are now."""
        with self._lock:
            now, kind = self.clock(), self._types[service]
            items = tuple(record.view(now) for record in kind.records.values())
            return Snapshot(service, kind.revision, items, self.degraded(service))

    def news(self, service: str, since: int | None = None) -> Snapshot:
        """Show what changed after the revision `since`, or all where that is unknown; the same to all who ask."""
        with self._lock:
            now, kind = self.clock(), self._types[service]
            since = since if since is not None and since >= kind.floor else None
            at, known = kind.news.get(since, (0.0, None))
            if known is None or (since is None and at + FRESH < now):
                known = self.snapshot(service) if since is None else self._delta(service, since)
                kind.news[since] = (now, known)
            return known

    def changed(self, service: str, since: int | None) -> tuple[int, Collection[str] | None]:
        """Give the revision, and the ids that changed after another one; None for all."""
        with self._lock:
            kind = self._types[service]
            if since is None or since < kind.floor:
                return kind.revision, None
            return kind.revision, {instance_id for revision, instance_id in kind.log if revision > since}

    def pool(self, service: str) -> Pool:
        """Give those that are up, prepared for choosing."""
        with self._lock:
            now, kind = self.clock(), self._types[service]
            if kind.pool is None:
                up = [record for record in kind.records.values() if record.state == "up"]
                since = {each.registration.id: each.up_since for each in up if each.up_since is not None}
                kind.pool = Pool(
                    [each.view(now) for each in up],
                    up_since=since, slow_start=self.policy.slow_start, clock=self.clock,
                )  # fmt: skip
            return kind.pool

    def instance(self, service: str, instance_id: str) -> Instance:
        """Show one instance; UnknownInstance."""
        with self._lock:
            return self.record(service, instance_id).view(self.clock())

    def newest(self, instance: Instance) -> Instance:
        """Show an instance as it is now; as it was, where it has just gone."""
        with self._lock:
            record = self._types[instance.type].records.get(instance.id)
            return record.view(self.clock()) if record else instance

    def in_flight(self, instance: Instance) -> float:
        """Give the requests in flight at an instance, as its last beat said."""
        record = self._types[instance.type].records.get(instance.id)
        return record.load.in_flight if record else 0.0

    def find(self, service: str, instance_id: str) -> Record | None:
        """Give the record itself, where there is one."""
        kind = self._types.get(service)
        return kind.records.get(instance_id) if kind else None

    def record(self, service: str, instance_id: str) -> Record:
        """Give the record itself; UnknownInstance."""
        found = self.find(service, instance_id)
        if found is None:
            raise UnknownInstance(f"There is no instance {instance_id} of {service}.")
        return found

    def records(self, service: str) -> list[Record]:
        """Give the records of a type."""
        return list(self._types[service].records.values())

    def grave(self, service: str, instance_id: str) -> str:
        """Give the incarnation that left last under an id, "" where none is remembered."""
        return self._types[service].graves.get(instance_id, "")

    def revision(self, service: str) -> int:
        """Give the revision of a type: it never goes back, also over restarts."""
        return self._types[service].revision

    def degraded(self, service: str) -> bool:
        """Tell whether what is known of a type is in doubt: a guard is on."""
        return bool(self.guards.of(service))

    def expiry(self) -> float:
        """Give the time at which a lease is lost that is renewed now."""
        return self.clock() + SILENCE * self.heartbeat_every

    # -- writing ---------------------------------------------------------------------------------------------------

    def restore(self, saved: Iterable[Saved], *, owners: Collection[str] = ()) -> None:
        """Take what was known before the start; what none of the living `owners` holds is this Registry's own.

        Each of those has one lease to show that it is still there.
        """
        saved = list(saved)
        self.warm_up(leases=len(saved))
        with self._lock:
            for each in saved:
                self._take(each, owner=each.owner if each.owner in owners else self.me)
            for kind in self._types.values():  # whoever watches already knows nothing of these
                kind.floor, kind.pool = kind.revision + 1, None

    def warm_up(self, *, leases: int) -> None:
        """Let nobody be evicted for one lease, as long as it is with so many of them."""
        self.heartbeat_every = self.policy.heartbeat_every(leases)
        self.guards.on(WARM_UP, self.clock() + max(self.policy.warm_up, 3 * self.heartbeat_every))

    def extend(self, seconds: float) -> None:
        """Give all own leases at least so much time from now."""
        with self._lock:
            until = self.clock() + seconds
            for kind in self._types.values():
                for record in kind.records.values():
                    record.lease_expires = max(record.lease_expires, until)

    def put(self, record: Record, reason: str) -> None:
        """Add or replace an instance."""
        mine = record.registration
        with self._lock:
            kind = self._types[mine.type]
            old = kind.records.get(mine.id)
            kind.records[mine.id] = record
            kind.graves.pop(mine.id, None)
            self._changed(record, old.state if old else "", reason, _as_fields(record.saved()))

    def drop(self, service: str, instance_id: str, reason: str) -> None:
        """Forget an instance."""
        with self._lock:
            record = self.record(service, instance_id)
            self._bury(record)
            self._write(record, record.state, "", reason, None)

    @contextmanager
    def change(self, service: str, instance_id: str, reason: str) -> Iterator[Record]:
        """Give the record to change; who watches hears of it where it matters."""
        with self._lock:
            record = self.record(service, instance_id)
            before, seen, stored = record.state, record.signature(), record.saved()
            yield record
            record.damp(before, self.clock(), self.policy.max_transitions)
            now_stored = record.saved()
            if record.signature() != seen or now_stored != stored:
                self._changed(record, before, reason, _difference(stored, now_stored))

    # -- what other Registries know ----------------------------------------------------------------------------------

    def learn(self, read: Callable[[], Sequence[Saved]]) -> list[Key]:
        """Take what other Registries have stored of instances. Of an own one that is what is wanted of it.

        Gives the keys of those that changed here meanwhile, so that what was read may be older: read these again.
        """
        pending, began = self.journal.pending(), self.clock()
        saved, later = read(), []
        with self._lock:
            for each in saved:
                known = self.find(*each.key)
                if each.key in pending or (known is not None and known.changed_at >= began):
                    later.append(each.key)
                elif each.registration.type in self._types:
                    self._learn(each)
        return later

    def rewrite(self, stored: Collection[Key]) -> None:
        """Write again what this Registry holds and nobody has stored: somebody has wiped the database."""
        with self._lock:
            for service, kind in self._types.items():
                for record in kind.records.values():
                    if record.owner == self.me and (service, record.registration.id) not in stored:
                        state = record.state
                        self._write(record, state, state, "written again", _as_fields(record.saved()))

    def adopt(self, service: str, instance_id: str) -> None:
        """Take over the lease of an instance whose Registry is gone; it has one lease to beat here."""
        with self._lock:
            record = self._types[service].records.get(instance_id)
            if record is not None:
                record.owner, record.holder, record.adopted = self.me, None, True
                record.lease_expires = self.clock() + 3 * self.heartbeat_every
                self._touch(service, instance_id)

    def _learn(self, saved: Saved) -> None:
        mine = saved.registration
        known = self._types[mine.type].records.get(mine.id)
        if known is not None and (known.registration.incarnation > mine.incarnation or known.saved() == saved):
            return
        if saved.gone and known is not None:
            self._bury(known)
        elif saved.gone:
            self._take(saved, owner="")
        elif known is None or known.registration.incarnation < mine.incarnation or saved.owner != self.me:
            self._take(saved, owner=saved.owner)
            self._touch(mine.type, mine.id)
        elif known.desired != saved.desired:
            known.desired = saved.desired
            known.settle(self.clock())
            self._touch(mine.type, mine.id)
            if known.holder:
                known.holder.wake()

    def _take(self, saved: Saved, *, owner: str) -> None:
        """Hold what is stored, as far as it says; who is down must prove itself, here or at its owner."""
        mine, kind = saved.registration, self._types.get(saved.registration.type)
        entry = self.bundle.get(mine.type)
        if kind is None or entry is None:
            return
        if saved.gone:
            kind.graves[mine.id] = mine.incarnation
            return
        known = kind.records.get(mine.id)
        record = Record(mine, entry.visibility, saved.registered_at, saved.desired, self.expiry(), owner)
        if known is not None and known.registration.incarnation == mine.incarnation:
            record.load, record.last_check, record.up_since = known.load, known.last_check, known.up_since
        if saved.down:
            record.lose_lease()
            record.damped_until = self.clock() if saved.damped else None
        record.settle(self.clock())
        kind.records[mine.id] = record
        kind.graves.pop(mine.id, None)

    # -- inner -----------------------------------------------------------------------------------------------------

    def _bury(self, record: Record) -> None:
        mine = record.registration
        kind = self._types[mine.type]
        del kind.records[mine.id]
        kind.graves[mine.id] = mine.incarnation
        self._touch(mine.type, mine.id)

    def _changed(self, record: Record, before: str, reason: str, changes: Mapping[str, Any]) -> None:
        record.settle(self.clock())
        record.changed_at = self.clock()
        self._write(record, before, record.state, reason, changes)
        self._touch(record.registration.type, record.registration.id)
        if "desired" in changes and record.holder:
            record.holder.wake()

    def _write(self, record: Record, before: str, after: str, reason: str, changes: Mapping[str, Any] | None) -> None:
        mine = record.registration
        if changes is None or changes:
            now = datetime.now(UTC)
            self.journal.write(Change(mine.type, mine.id, mine.incarnation, changes, before, after, reason, now))
        if before != after:
            count_transition(mine.type, after)
            words = {"before": before or "unknown", "after": after or "gone", "reason": reason}
            log.info("instance state changed", service_type=mine.type, instance_id=mine.id, **words)

    def _delta(self, service: str, since: int) -> Snapshot:
        now, kind = self.clock(), self._types[service]
        ids = dict.fromkeys(instance_id for revision, instance_id in kind.log if revision > since)
        items = tuple(kind.records[each].view(now) for each in ids if each in kind.records)
        removed = tuple(each for each in ids if each not in kind.records)
        return Snapshot(service, kind.revision, items, self.degraded(service), delta=True, removed=removed)

    def _touch(self, service: str, instance_id: str = "") -> None:
        """Note a change of one instance, or without its id of a guard of the type."""
        kind = self._types[service]
        least = max(kind.revision + 1, kind.floor, int(time.time() * 1000))
        kind.revision = least + (self._salt - least) % SALTS
        if instance_id:
            kind.log.append((kind.revision, instance_id))
            kind.pool = None
        while len(kind.log) > LOG_LENGTH:
            kind.floor = kind.log.popleft()[0]
        kind.news.clear()
        self._note(service)

    def _guard_changed(self, service: str | None) -> None:
        with self._lock:
            for each in self._types if service is None else (service,):
                self._touch(each)


def _as_fields(saved: Saved) -> dict[str, Any]:
    return {each.name: getattr(saved, each.name) for each in fields(saved) if each.name != "gone"}


def _difference(before: Saved, after: Saved) -> dict[str, Any]:
    """Give the fields that differ. Who takes a lease over says whether it is down, for another one said it last."""
    old = _as_fields(before)
    different = {name: value for name, value in _as_fields(after).items() if value != old[name]}
    return different | ({"down": after.down} if "owner" in different else {})
