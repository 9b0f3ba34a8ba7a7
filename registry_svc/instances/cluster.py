"""The cluster: several Registries over one PostgreSQL tell each other of changes and take over from those that die.

Each beats in the table of nodes by the database's clock, and writes there what its leases last said of themselves.
Changes are announced with LISTEN/NOTIFY; a reading of everything now and then closes what a lost connection missed.
Who has not beaten for a lease is gone: the others take over its instances, each of them once, since a row is updated
where its owner is still the dead one.
"""

import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from registry_svc.instances import observation, store
from registry_svc.instances.announcements import Announcements
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.models import Node, StoredInstance
from registry_svc.instances.observation import UNSYNCED
from registry_svc.instances.store import Key, Saved
from registry_svc.instances.vitals import take_vitals, vitals_of

log = structlog.get_logger(__name__)

#: Everything is read again this often (seconds).
READ_ALL_EVERY = 10.0
RETRY_SECONDS = 0.5
#: Between two looks at anything else it listens for so long (seconds).
LISTEN_SECONDS = 0.1
#: Registries that have not beaten for so long are no longer listed.
FORGET_NODES = timedelta(minutes=10)


class Superseded(Exception):
    """Another Registry runs under this one's name."""


class Cluster:
    """Keeps a catalog in step with those of other Registries, on a thread of its own."""

    def __init__(
        self, catalog: Catalog, incarnation: str, *, doubt: Callable[[Key], object], superseded: Callable[[], None]
    ) -> None:
        """Keep `catalog` in step.

        `doubt` asks an instance whose lease was taken over whether it lives; `superseded` hears that another process
        has taken this Registry's name. Both are called on the cluster's thread.
        """
        self._catalog = catalog
        self._incarnation = incarnation
        self._doubt = doubt
        self._superseded = superseded
        self._stopping = threading.Event()
        self._again: deque[Key] = deque()
        self._read_all_at = 0.0
        self._thread = threading.Thread(target=self._run, name="registry-cluster", daemon=True)

    def join(self) -> list[str]:
        """Become a node; give the names of those that live, this one included."""
        self._write_beat(first=True)
        return sorted(self._living())

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End, and leave the leases to the others at once."""
        self._stopping.set()
        self._thread.join(timeout=10)
        with suppress(DatabaseError):
            Node.objects.filter(name=self._catalog.me, incarnation=self._incarnation).delete()
        connection.close()

    def reread(self, keys: Sequence[Key]) -> None:
        """Read some instances again soon: another Registry knows better. From any thread."""
        self._again.extend(keys)

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with Announcements() as announcements:
                    self._read_all()
                    self._follow(announcements)
            except Superseded:
                log.error("another Registry runs under this name: give each its own MT_INSTANCE", name=self._catalog.me)  # noqa: TRY400
                self._superseded()
                return
            except DatabaseError as error:
                log.warning("the shared database can't be read", error=str(error))
                self._catalog.guards.on(UNSYNCED)
                self._stopping.wait(RETRY_SECONDS)
            except Exception:
                log.exception("the cluster's thread goes on after an unexpected error")
                self._stopping.wait(RETRY_SECONDS)
            finally:
                connection.close()

    def _follow(self, announcements: Announcements) -> None:
        beat_at = 0.0
        while not self._stopping.is_set():
            now = time.monotonic()
            if now >= beat_at:
                beat_at = now + self._catalog.policy.ttl / 3
                self._beat()
            if now >= self._read_all_at:
                self._read_all()
            payloads = announcements.wait(LISTEN_SECONDS)
            keys = {key for payload in payloads for key in store.announced(payload, me=self._catalog.me)}
            keys |= set(self._take_again())
            self._learn(functools.partial(store.read, keys))

    def _beat(self) -> None:
        """Show that this Registry lives, hear who else does, and take over from who does not."""
        self._write_beat()
        living = self._living()
        for name, vitals in living.items():
            if name != self._catalog.me:
                take_vitals(self._catalog, name, vitals)
        observation.NODES.set(len(living))
        self._adopt(living)
        self._catalog.guards.off(UNSYNCED)

    def _write_beat(self, *, first: bool = False) -> None:
        mine = Node.objects.filter(name=self._catalog.me)
        vitals = vitals_of(self._catalog)
        if first or not mine.filter(incarnation=self._incarnation).update(beat_at=Now(), vitals=vitals):
            if not first and mine.filter(incarnation__gt=self._incarnation).exists():
                raise Superseded
            values = {"incarnation": self._incarnation, "beat_at": Now(), "vitals": vitals}
            Node.objects.update_or_create(name=self._catalog.me, defaults=values)

    def _living(self) -> dict[str, dict[str, Any]]:
        """Give the nodes that have beaten within a lease, with their vitals."""
        age = ExpressionWrapper(Now() - F("beat_at"), output_field=DurationField())
        lease = timedelta(seconds=self._catalog.policy.ttl)
        return dict(Node.objects.annotate(age=age).filter(age__lt=lease).values_list("name", "vitals"))

    def _adopt(self, living: Mapping[str, Any]) -> None:
        """Take over the leases of Registries that are gone; who was up stays up, and has one lease to beat here."""
        orphans = StoredInstance.objects.filter(gone_at=None).exclude(owner__in=list(living))
        if not orphans.exists():
            return
        with transaction.atomic():
            rows = list(orphans.select_for_update(skip_locked=True).order_by("pk"))
            keys = [(row.type, row.instance_id) for row in rows]
            StoredInstance.objects.filter(pk__in=[row.pk for row in rows]).update(owner=self._catalog.me)
            store.announce(keys, sender=self._catalog.me)
        self._take_over(keys, owners={row.owner for row in rows})
        Node.objects.filter(beat_at__lt=Now() - FORGET_NODES).delete()

    def _take_over(self, keys: Sequence[Key], *, owners: Collection[str]) -> None:
        if not keys:
            return
        self._learn(functools.partial(store.read, keys))
        for key in keys:
            self._catalog.adopt(*key)
            self._doubt(key)
        observation.ADOPTIONS.inc(len(keys))
        log.warning("the leases of Registries that are gone are taken over", owners=sorted(owners), leases=len(keys))

    def _read_all(self) -> None:
        self._read_all_at = time.monotonic() + READ_ALL_EVERY
        saved: list[Saved] = []

        def read() -> list[Saved]:
            saved.extend(store.load())
            return saved

        self._learn(read)
        self._catalog.rewrite({each.key for each in saved})

    def _learn(self, read: Callable[[], Sequence[Saved]]) -> None:
        self.reread(self._catalog.learn(read))

    def _take_again(self) -> list[Key]:
        return [self._again.popleft() for _ in range(len(self._again))]
