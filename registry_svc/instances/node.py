"""Node: one running Registry. Puts the parts together on one event loop, and takes them apart again."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from libs.discovery.model import HealthSpec, Registration
from libs.identity.bundle import Bundle
from libs.identity.service_tokens import ServiceVerifier
from registry_svc.instances import journal as journals
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.changes import Changes
from registry_svc.instances.checker import Checker
from registry_svc.instances.identification import Identification
from registry_svc.instances.journal import DatabaseJournal
from registry_svc.instances.leases import Sweeper
from registry_svc.instances.local import LocalDirectory
from registry_svc.instances.records import Record
from registry_svc.instances.registry import Registry
from registry_svc.instances.rpc import RegistryDoor
from registry_svc.instances.server import GrpcServer

log = structlog.get_logger(__name__)

HEALTH_EVERY = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """What differs between nodes. `me` is the Registry's own row; its gRPC port is filled in when it is bound."""

    me: Callable[[int], Registration]
    host: str
    grpc_port: int
    ttl: float
    reap_after: float
    evict_percent: int
    is_well: Callable[[], bool]


class Node:
    """Made and started on the event loop that serves HTTP and gRPC."""

    def __init__(self, bundle: Bundle, verifier: ServiceVerifier, options: NodeOptions) -> None:
        """Put the parts together; nothing runs yet."""
        loop = asyncio.get_running_loop()
        self._options = options
        self.changes = Changes(loop)
        self.journal = DatabaseJournal()
        self.catalog = Catalog(bundle, self.journal, self.changes.note, ttl=options.ttl)
        self.registry = Registry(self.catalog, loop)
        self.identification = Identification(verifier)
        self.directory = LocalDirectory(self.catalog, self.changes)
        self.checker = Checker(self.catalog)
        self.server = GrpcServer(
            RegistryDoor(self.registry, self.changes, self.identification), options.host, options.grpc_port
        )
        self._me: Registration | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load what was known, then serve."""
        saved = await asyncio.to_thread(journals.load)
        self.catalog.restore(saved)
        self.journal.start()
        self.changes.listen(self.checker.reconcile)
        for service in self.catalog.bundle.services:
            self.changes.note(service)
        await self.server.start()
        self._register_myself(self._options.me(self.server.port))
        self._tasks = [asyncio.create_task(self._sweep()), asyncio.create_task(self._report_health())]
        log.info("registry started", grpc_port=self.server.port, restored=len(saved))

    async def stop(self) -> None:
        """End in reverse; the own row goes, those of others stay for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.server.stop()
        await self.checker.stop()
        if self._me:
            self.catalog.drop(self._me.type, self._me.id, "the registry stops")
        await asyncio.to_thread(self.journal.stop)

    def _register_myself(self, me: Registration) -> None:
        self._me = me
        visibility = self.catalog.bundle.services[me.type].visibility
        expires = self.catalog.clock() + self.catalog.ttl
        self.catalog.put(Record(me, visibility, datetime.now(UTC), "up", expires), "registered")

    async def _sweep(self) -> None:
        every = self.registry.heartbeat_every / 2
        sweeper = Sweeper(self.catalog, every, self._options.evict_percent, self._options.reap_after)
        while True:
            self._renew_myself()
            try:
                sweeper.sweep()
            except Exception:
                log.exception("a sweep failed")
            await asyncio.sleep(every)

    def _renew_myself(self) -> None:
        if self._me:
            with self.catalog.change(self._me.type, self._me.id, "the lease is held again") as record:
                record.renew(expires=self.catalog.clock() + self.catalog.ttl, in_flight=0, holder=None)

    async def _report_health(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEALTH_EVERY * 5):
                    serving = await asyncio.to_thread(self._options.is_well)
                await self.server.report(serving=serving)
            await asyncio.sleep(HEALTH_EVERY)


#: The health check of the own row: over gRPC, as any client would ask.
OWN_HEALTH = HealthSpec(kind="grpc")
