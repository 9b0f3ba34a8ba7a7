"""Node: one running Registry. Puts the parts together on one event loop, and takes them apart again."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from django.db import DatabaseError, connection

from libs.discovery.model import HealthSpec, Load, Registration
from libs.identity.bundle import Bundle
from libs.identity.service_tokens import ServiceVerifier
from registry_svc.instances import observation, store
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.changes import Changes
from registry_svc.instances.cluster import Cluster
from registry_svc.instances.identification import Identification
from registry_svc.instances.journal import DatabaseJournal
from registry_svc.instances.leases import TICK, Sweeper
from registry_svc.instances.local import LocalDirectory
from registry_svc.instances.policy import Policy
from registry_svc.instances.records import Record
from registry_svc.instances.registry import Registry
from registry_svc.instances.rpc import RegistryDoor
from registry_svc.instances.server import GrpcServer
from registry_svc.instances.store import Key, Saved

log = structlog.get_logger(__name__)

HEALTH_EVERY = 2.0  # seconds
CLEAN_EVERY = 3600.0  # seconds
#: The health check of the own row: over gRPC, as any client would ask.
OWN_HEALTH = HealthSpec(kind="grpc")


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """What differs between nodes. `me` is the Registry's own row; its gRPC port is filled in when it is bound."""

    me: Callable[[int], Registration]
    name: str
    incarnation: str
    host: str
    grpc_port: int
    policy: Policy
    is_well: Callable[[], bool]


class Node:
    """Made and started on the event loop that serves HTTP and gRPC."""

    def __init__(self, bundle: Bundle, verifier: ServiceVerifier, options: NodeOptions) -> None:
        """Put the parts together; nothing runs yet."""
        loop = asyncio.get_running_loop()
        self._options = options
        self._loop = loop
        self.changes = Changes(loop)
        self.journal = DatabaseJournal(options.name, self._refused)
        self.catalog = Catalog(bundle, self.journal, self.changes.note, me=options.name, policy=options.policy)
        self.registry = Registry.over(self.catalog, loop)
        self.identification = Identification(verifier)
        self.directory = LocalDirectory(self.catalog, self.changes)
        self.sweeper = Sweeper(
            self.catalog, lambda record: self._doubt((record.registration.type, record.registration.id))
        )
        self.cluster = self._make_cluster()
        self.server = GrpcServer(
            RegistryDoor(self.registry, self.changes, self.identification), options.host, options.grpc_port
        )
        self._me: Registration | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load what was known, then serve."""
        saved, nodes = await asyncio.to_thread(self._load)
        self.catalog.restore(saved, owners=[name for name in nodes if name != self._options.name])
        self.journal.start()
        self.changes.listen(self.registry.checker.reconcile)
        for service in self.catalog.bundle.services:
            self.changes.note(service)
        await self.server.start()
        self._register_myself(self._options.me(self.server.port))
        if self.cluster:
            self.cluster.start()
        work = (self._sweep(), self._observe(), self._report_health(), self._clean())
        self._tasks = [asyncio.create_task(each) for each in work]
        log.info("registry started", grpc_port=self.server.port, restored=len(saved), nodes=nodes)

    async def stop(self) -> None:
        """End in reverse; the own row goes, those of others stay: for the next start, or for the other Registries."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.server.stop()
        await self.registry.checker.stop()
        await self.registry.prober.close()
        if self._me:
            self.catalog.drop(self._me.type, self._me.id, "the registry stops")
        await asyncio.to_thread(self.journal.stop)
        if self.cluster:
            await asyncio.to_thread(self.cluster.stop)

    # -- several Registries ----------------------------------------------------------------------------------------

    def _make_cluster(self) -> Cluster | None:
        if connection.vendor != "postgresql":
            return None
        return Cluster(
            self.catalog,
            self._options.incarnation,
            doubt=lambda key: self._loop.call_soon_threadsafe(self._doubt, key),
            superseded=lambda: os.kill(os.getpid(), signal.SIGTERM),
        )

    def _load(self) -> tuple[list[Saved], Sequence[str]]:
        """Read what is stored, and who else is there. Closes the connection of the calling thread."""
        try:
            nodes = self.cluster.join() if self.cluster else [self._options.name]
            return store.load(), nodes
        finally:
            connection.close()

    def _refused(self, keys: Sequence[Key]) -> None:
        if self.cluster:
            self.cluster.reread(keys)

    def _doubt(self, key: Key) -> None:
        self.registry.checker.doubt(*key)

    # -- the own row -----------------------------------------------------------------------------------------------

    def _register_myself(self, me: Registration) -> None:
        self._me = me
        visibility = self.catalog.bundle.services[me.type].visibility
        record = Record(me, visibility, datetime.now(UTC), "up", self.catalog.expiry(), self.catalog.me)
        self.catalog.put(record, "registered")

    def _renew_myself(self) -> None:
        if self._me:
            with self.catalog.change(self._me.type, self._me.id, "the lease is held again") as record:
                record.owner = self.catalog.me
                record.renew(expires=self.catalog.expiry(), load=Load(), holder=None)

    # -- what goes on ----------------------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        beat_at = 0.0
        while True:
            try:
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + self._options.policy.ttl / 6
                    self._renew_myself()
                    self.sweeper.pace()
                self.sweeper.sweep()
            except Exception:
                log.exception("a sweep failed")
            await asyncio.sleep(TICK)

    async def _observe(self) -> None:
        census = observation.Census()
        observation.NODES.set(1)
        catalog = self.catalog
        while True:
            for service in catalog.bundle.services:
                records = catalog.records(service)
                states = Counter(str(record.state) for record in records)
                damped = sum(record.damped for record in records)
                census.take(service, states, damped=damped, guards=catalog.guards.of(service))
            observation.BEAT_SECONDS.set(catalog.heartbeat_every)
            observation.LEASES.set(self.sweeper.leases)
            observation.JOURNAL.set(self.journal.waiting)
            await asyncio.sleep(1.0)

    async def _report_health(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEALTH_EVERY * 5):
                    serving = await asyncio.to_thread(self._options.is_well)
                await self.server.report(serving=serving)
            await asyncio.sleep(HEALTH_EVERY)

    async def _clean(self) -> None:
        while True:
            await asyncio.to_thread(self._forget_old)
            await asyncio.sleep(CLEAN_EVERY)

    def _forget_old(self) -> None:
        try:
            store.forget_old(history_days=self._options.policy.history_days)
        except DatabaseError as error:
            log.warning("old history was not deleted", error=str(error))
        finally:
            connection.close()
