"""The Registry of this process: what services, selectors and both doors work on."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from libs.discovery.balancers import Balancers
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.checker import SharedProbes

T = TypeVar("T")

#: A view waits so long for work on the event loop (seconds).
LOOP_TIMEOUT = 40.0


@dataclass(slots=True)
class Registry:
    """The catalog, what chooses from it, and the event loop on which probes run."""

    catalog: Catalog
    loop: asyncio.AbstractEventLoop
    balancers: Balancers = field(default_factory=Balancers)
    probes: SharedProbes = field(default_factory=SharedProbes)

    @property
    def heartbeat_every(self) -> float:
        """Give the seconds between beats: three silent ones end a lease."""
        return self.catalog.ttl / 3

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the event loop and wait for it, on another thread than the loop's."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(LOOP_TIMEOUT)


@dataclass(slots=True)
class _Holder:
    registry: Registry | None = None


_holder = _Holder()


def use(registry: Registry | None) -> None:
    """Make `registry` the one of this process."""
    _holder.registry = registry


def current() -> Registry:
    """Give the registry of this process; only `serve` has one."""
    if _holder.registry is None:
        raise RuntimeError("the registry is not running in this process")
    return _holder.registry
