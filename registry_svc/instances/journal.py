"""The journal: writes registrations and their history to the database on one thread, so that nobody waits for a disk.

The memory is what counts; what a killed process had not written yet, the instances' next beats bring back.
"""

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

import structlog
from django.db import DatabaseError, connection, transaction

from libs.discovery.documents import registration_from_json, registration_to_json
from libs.discovery.model import Registration, State
from registry_svc.instances.models import StoredInstance, Transition

log = structlog.get_logger(__name__)

BATCH = 200
RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Saved:
    """What is kept of an instance."""

    registration: Registration
    desired: State
    down: bool
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an instance: what is to be kept (None: forget it), and how its state changed."""

    type: str
    id: str
    incarnation: str
    saved: Saved | None
    before: str
    after: str
    reason: str
    at: datetime


class Journal(Protocol):
    """Where changes are kept."""

    def write(self, change: Change) -> None:
        """Take a change; returns at once."""


class MemoryJournal:
    """Keeps changes in a list: for tests."""

    def __init__(self) -> None:
        """Begin empty."""
        self.changes: list[Change] = []

    def write(self, change: Change) -> None:
        """Append."""
        self.changes.append(change)


class DatabaseJournal:
    """Writes changes in order and in batches. A database that is busy or away is tried again."""

    def __init__(self) -> None:
        """Begin with nothing to write."""
        self._queue: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="registry-journal", daemon=True)
        self._stopping = threading.Event()

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
        self._queue.put(change)

    def _run(self) -> None:
        more = True
        while more:
            batch, more = self._batch()
            self._persist(batch)
        connection.close()

    def _batch(self) -> tuple[list[Change], bool]:
        """Wait for a change and take what else is there; the second value is False at the end."""
        taken = [self._queue.get()]
        while len(taken) < BATCH and not self._queue.empty():
            taken.append(self._queue.get())
        return [change for change in taken if change is not None], None not in taken

    def _persist(self, batch: Sequence[Change]) -> None:
        while batch:
            try:
                with transaction.atomic():
                    for change in batch:
                        _write(change)
                return
            except DatabaseError as error:
                log.warning("the registry's database is busy or away", error=str(error), waiting=len(batch))
                connection.close()
                if self._stopping.wait(RETRY_SECONDS):
                    return


def load() -> list[Saved]:
    """Read all kept instances. Closes the connection of the calling thread."""
    try:
        return [
            Saved(
                registration_from_json(row.type, row.registration),
                cast("State", row.desired),
                row.down,
                row.registered_at,
            )
            for row in StoredInstance.objects.order_by("registered_at")
        ]
    finally:
        connection.close()


def _write(change: Change) -> None:
    (_keep if change.saved else _forget)(change)
    if change.before != change.after:
        Transition.objects.create(
            type=change.type,
            instance_id=change.id,
            incarnation=change.incarnation,
            before=change.before,
            after=change.after,
            reason="".join(filter(str.isprintable, change.reason))[:500],  # a probe's detail is the instance's own word
            at=change.at,
        )


def _keep(change: Change) -> None:
    saved = cast("Saved", change.saved)
    StoredInstance.objects.update_or_create(
        type=change.type,
        instance_id=change.id,
        defaults={
            "incarnation": change.incarnation,
            "desired": saved.desired,
            "down": saved.down,
            "registered_at": saved.registered_at,
            "registration": registration_to_json(saved.registration),
        },
    )


def _forget(change: Change) -> None:
    StoredInstance.objects.filter(type=change.type, instance_id=change.id).delete()
