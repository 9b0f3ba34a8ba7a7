"""Guards: what keeps the Registry from evicting by mistake. Each shows in answers (`degraded`), metrics and the log.

warm_up     after a start nobody is evicted for one lease: everybody gets the time to show up
stall       this process stood still: all leases get their time anew, since their beats wait in the sockets
mass_loss   many leases of a type lapsed at once: at most a share of them goes per sweep (Eureka's self-preservation)
unsynced    the shared database can't be read: what other Registries know is missing here
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from registry_svc.instances.observation import MASS_LOSS, STALL, WARM_UP
from registry_svc.instances.policy import Policy

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Window:
    """The evictions of a type in one sweep's time."""

    began: float = float("-inf")
    evicted: int = 0


@dataclass(slots=True)
class Guards:
    """Who is on now. `changed` hears of each type for which a guard went on or off; None: all types."""

    policy: Policy
    changed: Callable[[str | None], None]
    _everywhere: dict[str, float] = field(default_factory=dict)  # guard → when it ends
    _held: set[str] = field(default_factory=set)  # types whose evictions are held back
    _windows: dict[str, _Window] = field(default_factory=dict)

    def of(self, service: str) -> tuple[str, ...]:
        """Name the guards that are on for a type."""
        return (*self._everywhere, MASS_LOSS) if service in self._held else tuple(self._everywhere)

    def on(self, guard: str, until: float = float("inf")) -> None:
        """Turn a guard on for all types, until a time or until `off`."""
        known = guard in self._everywhere
        self._everywhere[guard] = max(until, self._everywhere.get(guard, until))
        if not known:
            log.warning("a guard is on", guard=guard)
            self.changed(None)

    def off(self, guard: str) -> None:
        """Turn a guard off."""
        if self._everywhere.pop(guard, None) is not None:
            log.info("a guard is off", guard=guard)
            self.changed(None)

    @property
    def everywhere(self) -> tuple[str, ...]:
        """Name the guards that are on for all types."""
        return tuple(self._everywhere)

    def expire(self, now: float) -> None:
        """Turn off what has had its time."""
        for guard in [guard for guard, until in self._everywhere.items() if until <= now]:
            self.off(guard)

    def may_evict(self, service: str, total: int, now: float) -> bool:
        """Count an eviction of a type with `total` instances; False where its share of this sweep is used up."""
        if WARM_UP in self._everywhere or STALL in self._everywhere:
            return False
        window = self._windows.setdefault(service, _Window())
        if now - window.began >= self.policy.ttl / 6:
            window.began, window.evicted = now, 0
        if window.evicted >= max(1, total * self.policy.evict_percent // 100):
            return False
        window.evicted += 1
        return True

    def hold(self, service: str, *, held: bool) -> None:
        """Note that evictions of a type are held back, or not any more."""
        if held != (service in self._held):
            (self._held.add if held else self._held.discard)(service)
            (log.warning if held else log.info)("mass-loss guard", service_type=service, on=held)
            self.changed(service)
