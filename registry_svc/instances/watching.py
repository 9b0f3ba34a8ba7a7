"""Watchers: what a stream of changes follows. Who falls behind gets the state as it is, not what was missed."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass

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
    dirty, seen, streams = dict.fromkeys(services), dict(known), {each: _Stream(deltas=deltas) for each in services}
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
                if seen.get(service) != catalog.revision(service):
                    news = streams[service].next(catalog, service)
                    seen[service] = news.revision
                    yield news
            changed.clear()
            await changed.wait()
    finally:
        unlisten()


@dataclass(slots=True)
class _Stream:
    """What a stream has told of a type: up to which revision, and up to which one without doubt.

    Who hears a degraded answer keeps what is gone, so that what comes after it begins where the last clear one ended.
    """

    deltas: bool
    told: int | None = None
    clear: int | None = None

    def next(self, catalog: Catalog, service: str) -> Snapshot:
        """Give what comes next."""
        news = catalog.news(service, self.told if self.deltas else None)
        if news.delta and not news.degraded and self.clear != self.told:
            news = catalog.news(service, self.clear)
        self.told = news.revision
        if not news.degraded:
            self.clear = news.revision
        return news
