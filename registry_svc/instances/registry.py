"""The Registry of this process: what services, selectors and both doors work on."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from libs.discovery.balancers import Balancers
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.checker import Checker, SharedProbes
from registry_svc.instances.limits import Limiter
from registry_svc.instances.probes import Prober

T = TypeVar("T")

#: A view waits so long for work on the event loop (seconds).
LOOP_TIMEOUT = 40.0
#: After a quiet time a caller may do at once what else takes so long (seconds).
BURST_SECONDS = 10.0


@dataclass(slots=True)
class Registry:
    """The catalog, what chooses from it and checks it, and the event loop on which that happens."""

    catalog: Catalog
    checker: Checker
    prober: Prober
    loop: asyncio.AbstractEventLoop
    registrations: Limiter
    watches: Limiter
    balancers: Balancers = field(default_factory=Balancers)
    probes: SharedProbes = field(default_factory=SharedProbes)

    @classmethod
    def over(cls, catalog: Catalog, loop: asyncio.AbstractEventLoop) -> "Registry":
        """Make one over a catalog, on the loop that is running."""
        policy, prober = catalog.policy, Prober()
        return cls(
            catalog,
            Checker(catalog, prober),
            prober,
            loop,
            registrations=Limiter(policy.register_rate, policy.register_rate * BURST_SECONDS),
            watches=Limiter(policy.watch_rate, policy.watch_rate * BURST_SECONDS),
        )

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
