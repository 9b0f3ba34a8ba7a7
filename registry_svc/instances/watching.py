"""Watchers: what a stream of changes follows. Who falls behind gets the state as it is, not what was missed."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping

from registry_svc.instances.catalog import Catalog, Snapshot
from registry_svc.instances.changes import Changes


async def follow(
    catalog: Catalog,
    changes: Changes,
    services: Collection[str],
    known: Mapping[str, int],
    *,
    deltas: bool = False,
) -> AsyncIterator[Snapshot]:
    """Give the state of each type unless its revision is `known`, then each changed state; never ends by itself.

    With `deltas` only what changed since the answer before: other Registries count revisions of their own, so that a
    stream begins with everything.
    """
    dirty = dict.fromkeys(services)
    seen, given = dict(known), dict[str, int]()
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
                if seen.get(service) == catalog.revision(service):
                    continue
                snapshot = catalog.news(service, given.get(service) if deltas else None)
                seen[service] = given[service] = snapshot.revision
                yield snapshot
            changed.clear()
            await changed.wait()
    finally:
        unlisten()
