"""The Catalog: all instances of the platform in memory, with a revision per type. The Registry serves from it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from libs.discovery.model import Instance, Registration
from libs.identity.bundle import Bundle
from registry_svc.instances.errors import UnknownInstance
from registry_svc.instances.journal import Change, Journal, Saved
from registry_svc.instances.records import Record

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All instances of one type at one revision."""

    type: str
    revision: int
    items: tuple[Instance, ...]
    degraded: bool


class Catalog:
    """Records by type and id. Thread-safe: one lock, held for memory work only."""

    def __init__(
        self,
        bundle: Bundle,
        journal: Journal,
        note: Callable[[str], None],
        *,
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin empty and warming up for one lease; `note` hears of each type that changed."""
        self.bundle = bundle
        self.ttl = ttl
        self.clock = clock
        self.warm_at = clock() + ttl
        self.warming = True
        self._journal = journal
        self._note = note
        self._lock = threading.RLock()
        self._records: dict[str, dict[str, Record]] = {service: {} for service in bundle.services}
        self._revisions: dict[str, int] = {}
        self._guarded: set[str] = set()
        for service in bundle.services:
            self._advance(service)

    # -- reading ---------------------------------------------------------------------------------------------------

    def snapshot(self, service: str) -> Snapshot:
        """Show all instances of a type."""
        with self._lock:
            now = self.clock()
            items = tuple(record.view(now) for record in self._records.get(service, {}).values())
            return Snapshot(service, self.revision(service), items, self.degraded(service))

    def instance(self, service: str, instance_id: str) -> Instance:
        """Show one instance; UnknownInstance."""
        with self._lock:
            return self.record(service, instance_id).view(self.clock())

    def record(self, service: str, instance_id: str) -> Record:
        """Give the record itself; UnknownInstance."""
        found = self._records.get(service, {}).get(instance_id)
        if found is None:
            raise UnknownInstance(f"There is no instance {instance_id} of {service}.")
        return found

    def records(self, service: str) -> list[Record]:
        """Give the records of a type."""
        return list(self._records.get(service, {}).values())

    def revision(self, service: str) -> int:
        """Give the revision of a type: it never goes back, also over restarts."""
        return self._revisions.get(service, 0)

    def degraded(self, service: str) -> bool:
        """Tell whether what is known of a type is in doubt: warming up, or many leases lapsed at once."""
        return self.warming or service in self._guarded

    # -- writing ---------------------------------------------------------------------------------------------------

    def restore(self, saved: Sequence[Saved]) -> None:
        """Take what was known before the restart; each has one lease to show that it is still there."""
        for each in saved:
            mine = each.registration
            entry = self.bundle.get(mine.type)
            if entry is not None:
                record = Record(mine, entry.visibility, each.registered_at, each.desired, self.warm_at)
                if each.down:
                    record.lose_lease()
                    record.down_since = self.clock()
                self._records[mine.type][mine.id] = record

    def put(self, record: Record, reason: str) -> None:
        """Add or replace an instance."""
        mine = record.registration
        with self._lock:
            old = self._records[mine.type].get(mine.id)
            self._records[mine.type][mine.id] = record
            self._changed(record, old.state if old else "", reason)

    def drop(self, service: str, instance_id: str, reason: str) -> None:
        """Forget an instance."""
        with self._lock:
            record = self.record(service, instance_id)
            del self._records[service][instance_id]
            self._write(record, record.state, "", reason, saved=None)
            self._touch(service)

    @contextmanager
    def change(self, service: str, instance_id: str, reason: str) -> Iterator[Record]:
        """Give the record to change; who watches hears of it where it matters."""
        with self._lock:
            record = self.record(service, instance_id)
            before, signature = record.state, record.signature()
            yield record
            if record.signature() != signature:
                self._changed(record, before, reason)

    def guard(self, service: str, *, on: bool) -> None:
        """Note that evictions of a type are held back, or not any more."""
        with self._lock:
            if on != (service in self._guarded):
                (self._guarded.add if on else self._guarded.discard)(service)
                log.warning("mass-loss guard", service_type=service, on=on)
                self._touch(service)

    def end_warm_up(self) -> None:
        """Note that everybody had one lease to show up since the start."""
        with self._lock:
            self.warming = False
            for service in self._records:
                self._touch(service)

    # -- inner -----------------------------------------------------------------------------------------------------

    def _changed(self, record: Record, before: str, reason: str) -> None:
        after = record.state
        if after != "down":
            record.down_since = None
        elif record.down_since is None:
            record.down_since = self.clock()
        saved = Saved(record.registration, record.desired, after == "down", record.registered_at)
        self._write(record, before, after, reason, saved=saved)
        self._touch(record.registration.type)

    def _write(self, record: Record, before: str, after: str, reason: str, *, saved: Saved | None) -> None:
        mine: Registration = record.registration
        now = datetime.now(UTC)
        self._journal.write(Change(mine.type, mine.id, mine.incarnation, saved, before, after, reason, now))
        if before != after:
            words = {"before": before or "unknown", "after": after or "gone", "reason": reason}
            log.info("instance state changed", service_type=mine.type, instance_id=mine.id, **words)

    def _touch(self, service: str) -> None:
        self._advance(service)
        self._note(service)

    def _advance(self, service: str) -> None:
        self._revisions[service] = max(self.revision(service) + 1, int(time.time() * 1000))
