"""The journal: writes registrations and their history to the database on one thread, so that nobody waits for a disk.

The memory is what counts. Who must not lose what was answered waits for `flush`; what a killed process had not written
yet of the rest, the instances' next beats bring back. What other services should know of a change is published in the
transaction that writes it.
"""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

import structlog
from django.db import DatabaseError, connection, transaction

from libs.contracts.registry import InstanceEvent
from libs.discovery.documents import registration_to_json
from libs.eventbus import publish
from registry_svc.instances import store
from registry_svc.instances.facts import Standing, fact
from registry_svc.instances.models import StoredInstance, Transition
from registry_svc.instances.store import Key

log = structlog.get_logger(__name__)

BATCH = 200
RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an instance: the fields of `Saved` that changed (None: it is gone), and how its state changed."""

    type: str
    id: str
    incarnation: str
    fields: Mapping[str, Any] | None
    before: str
    after: str
    reason: str
    at: datetime

    @property
    def key(self) -> Key:
        """Name the instance."""
        return (self.type, self.id)


class Journal(Protocol):
    """Where changes are kept."""

    def write(self, change: Change) -> None:
        """Take a change; returns at once."""

    def flush(self) -> "Future[None]":
        """Give what is done when all changes so far are kept."""

    def pending(self) -> frozenset[Key]:
        """Name the instances of which changes are not kept yet."""


class MemoryJournal:
    """Keeps changes in a list: for tests."""

    def __init__(self) -> None:
        """Begin empty."""
        self.changes: list[Change] = []

    def write(self, change: Change) -> None:
        """Append."""
        self.changes.append(change)

    def flush(self) -> "Future[None]":
        """Give what is done already."""
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def pending(self) -> frozenset[Key]:
        """Name nobody."""
        return frozenset()


_Item: TypeAlias = "Change | Future[None] | None"


class DatabaseJournal:
    """Writes changes in order and in batches. A database that is busy or away is tried again.

    `refused` hears of changes that another Registry's newer ones overruled, so that the memory can follow.
    """

    def __init__(self, me: str, refused: Callable[[Sequence[Key]], None] = lambda keys: None) -> None:
        """Begin with nothing to write; `me` names this Registry."""
        self._me = me
        self._refused = refused
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._pending: Counter[Key] = Counter()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="registry-journal", daemon=True)
        self._stopping = threading.Event()

    @property
    def waiting(self) -> int:
        """How many changes wait to be written."""
        return self._queue.qsize()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is left and end."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join(timeout=10)

    def write(self, change: Change) -> None:
        """Queue a change."""
        with self._lock:
            self._pending[change.key] += 1
        self._queue.put(change)

    def pending(self) -> frozenset[Key]:
        """Name the instances of which changes are not committed yet."""
        with self._lock:
            return frozenset(self._pending)

    def flush(self) -> "Future[None]":
        """Give what is done when all changes so far are committed; never, where the database stays away."""
        done: Future[None] = Future()
        self._queue.put(done)
        return done

    def _run(self) -> None:
        more = True
        while more:
            items, more = self._take()
            changes = [item for item in items if isinstance(item, Change)]
            if not changes or self._persist(changes):
                for item in items:
                    if isinstance(item, Future) and item.set_running_or_notify_cancel():
                        item.set_result(None)
        connection.close()

    def _take(self) -> tuple[list[_Item], bool]:
        """Wait for an item and take what else is there; the second value is False at the end."""
        taken = [self._queue.get()]
        while len(taken) < BATCH and not self._queue.empty():
            taken.append(self._queue.get())
        return taken, None not in taken

    def _persist(self, changes: Sequence[Change]) -> bool:
        while True:
            try:
                refused = _commit(changes, self._me)
            except DatabaseError as error:
                log.warning("the registry's database is busy or away", error=str(error), waiting=len(changes))
                connection.close()
                if self._stopping.wait(RETRY_SECONDS):
                    return False
            else:
                with self._lock:
                    self._pending -= Counter(change.key for change in changes)
                if refused:
                    self._refused(refused)
                return True


@transaction.atomic
def _commit(changes: Sequence[Change], me: str) -> list[Key]:
    """Write a batch as a whole; give the keys of what was overruled."""
    rows = store.locked_rows({change.key for change in changes})
    touched: dict[Key, StoredInstance] = {}
    refused = []
    history = []
    told: list[InstanceEvent] = []
    for change in changes:
        row = rows.get(change.key)
        if row is None and (change.fields is None or "registration" not in change.fields):
            continue  # gone for so long that even its tombstone is
        before = Standing.of(row) if row else Standing(change.incarnation, change.before)
        row = rows[change.key] = row or StoredInstance(type=change.type, instance_id=change.id)
        if _overruled(change, row, me):
            refused.append(change.key)
            continue
        _apply(change, row)
        touched[change.key] = row
        if change.before != change.after:
            history.append(_transition(change))
        event = fact(row, before, _reason(change))
        if event:
            told.append(event)
    store.save(list(touched.values()))
    Transition.objects.bulk_create(history)
    for event in sorted(told, key=lambda each: each.aggregate_id):  # one order for all Registries, as for the rows
        publish(event)
    store.announce(list(touched), sender=me)
    return refused


def _overruled(change: Change, row: StoredInstance, me: str) -> bool:
    """Tell whether what is stored is newer: a later process, or another Registry that holds the lease now."""
    fields = change.fields
    if fields is not None and "registration" in fields:
        return change.incarnation < row.incarnation
    if change.incarnation != row.incarnation or row.gone_at is not None:
        return True
    return fields is not None and "down" in fields and "owner" not in fields and row.owner != me


def _apply(change: Change, row: StoredInstance) -> None:
    row.incarnation = change.incarnation
    if change.fields is None:
        row.gone_at = change.at
        return
    row.gone_at = None
    for name, value in change.fields.items():
        setattr(row, name, registration_to_json(value) if name == "registration" else value)


def _transition(change: Change) -> Transition:
    return Transition(
        type=change.type,
        instance_id=change.id,
        incarnation=change.incarnation,
        before=change.before,
        after=change.after,
        reason=_reason(change),
        at=change.at,
    )


def _reason(change: Change) -> str:
    """Give the reason as a database takes it: a probe's detail is the instance's own word."""
    return "".join(filter(str.isprintable, change.reason))[:500]
