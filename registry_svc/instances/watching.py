"""Watchers: what a stream of changes follows. Who falls behind gets the state as it is, not what was missed."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping

from registry_svc.instances.catalog import Catalog, Snapshot
from registry_svc.instances.changes import Changes


async def follow(
    catalog: Catalog, changes: Changes, services: Collection[str], known: Mapping[str, int]
) -> AsyncIterator[Snapshot]:  # fmt: skip
    """Give the state of each type unless its revision is `known`, then each changed state; never ends by itself."""
    dirty = {service: None for service in services if known.get(service) != catalog.revision(service)}
    changed = asyncio.Event()

    def note(service: str) -> None:
        if service in services:
            dirty[service] = None
            changed.set()

    unlisten = changes.listen(note)
    try:
        while True:
            while dirty:
                service = next(iter(dirty))
                del dirty[service]
                yield catalog.snapshot(service)
            changed.clear()
            await changed.wait()
    finally:
        unlisten()
