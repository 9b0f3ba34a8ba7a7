"""Directory: who is there, and whom to ask. `Snapshots` answers from memory; its subclasses fill it."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeAlias

import structlog

from libs.discovery.balancers import DEFAULT_STRATEGY, Balancers, Pool
from libs.discovery.errors import NoInstance
from libs.discovery.model import Instance

log = structlog.get_logger(__name__)

#: An instance that could not be reached is passed over for so long, where there are others (seconds).
AVOID_SECONDS = 2.0

_Key: TypeAlias = tuple[str, str]

_NOBODY = Pool(())


class Directory(Protocol):
    """What a process knows of the platform's instances. Thread-safe; nothing here waits for the network for long."""

    def start(self) -> None:
        """Begin to keep the knowledge current; the first question does it as well."""

    def stop(self) -> None:
        """End that."""

    def pick(
        self,
        service: str,
        *,
        strategy: str = DEFAULT_STRATEGY,
        exclude: Collection[str] = (),
        zone: str | None = None,
    ) -> Instance:
        """Choose a healthy instance of `service` whose id is not excluded; NoInstance where there is none.

        One of `zone` is preferred, by default of the caller's own; "" is no preference.
        """

    def instances(self, service: str) -> Sequence[Instance]:
        """Give all instances of `service`, healthy or not."""

    def services(self) -> Mapping[str, Sequence[Instance]]:
        """Give all instances of all visible types; a known type without instances has an empty list."""

    def age(self) -> float:
        """Give the seconds since the last contact with the source of this knowledge; infinite before the first."""

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with the type's name after each change, on a thread that must not be kept waiting."""

    def begin(self, instance: Instance) -> None:
        """Note that a request to `instance` is in flight."""

    def end(self, instance: Instance, ok: bool) -> None:
        """Note its end. Not `ok` means that the instance could not be reached: pick avoids it for a moment."""


class Snapshots:
    """A Directory over the last good snapshot of each type, which is kept for ever. One thread at a time fills it."""

    def __init__(
        self, zone: str = "", slow_start: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        """Begin knowing nothing. `zone`: where this process is; `slow_start`: seconds, by `clock`."""
        self._zone = zone
        self._slow_start = slow_start
        self._clock = clock
        self._lock = threading.Lock()
        self._all: dict[str, tuple[Instance, ...]] = {}
        self._up: dict[str, Pool] = {}
        self._complete: set[str] = set()
        self._callbacks: list[Callable[[str], None]] = []
        self._balancers = Balancers()
        self._in_flight: Counter[_Key] = Counter()
        self._avoided: dict[_Key, float] = {}
        self._contact = float("-inf")

    def start(self) -> None:
        """Nothing to start: subclasses fill the snapshots."""

    def stop(self) -> None:
        """Nothing to stop."""

    def pick(
        self,
        service: str,
        *,
        strategy: str = DEFAULT_STRATEGY,
        exclude: Collection[str] = (),
        zone: str | None = None,
    ) -> Instance:
        """Choose by `strategy`: one that can be reached in the zone, else anywhere, else anybody not excluded."""
        up = self._up.get(service, _NOBODY)
        candidates = up
        if self._avoided or exclude:
            candidates = up.without(self._unreachable(service)).without(exclude) or up.without(exclude)
        if not candidates:
            raise NoInstance.of(service)
        near = candidates.near(self._zone if zone is None else zone)
        return self._balancers.choose(service, strategy, near, self._load)

    def instances(self, service: str) -> Sequence[Instance]:
        """Give all instances of `service` in the snapshot."""
        return self._all.get(service, ())

    def services(self) -> Mapping[str, Sequence[Instance]]:
        """Give the snapshots of all types."""
        return dict(self._all)

    def age(self) -> float:
        """Give the seconds since `touch`."""
        return self._clock() - self._contact

    def touch(self) -> None:
        """Note a contact with the source."""
        self._contact = self._clock()

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Add a listener."""
        self._callbacks.append(callback)

    def begin(self, instance: Instance) -> None:
        """Count a request in flight."""
        with self._lock:
            self._in_flight[instance.type, instance.id] += 1

    def end(self, instance: Instance, ok: bool) -> None:
        """Count it off; avoid the instance for a moment where it could not be reached."""
        key = (instance.type, instance.id)
        with self._lock:
            self._in_flight[key] -= 1
            if self._in_flight[key] <= 0:
                del self._in_flight[key]
            if not ok:
                self._avoided[key] = self._clock() + AVOID_SECONDS

    def update(self, service: str, items: Sequence[Instance], *, degraded: bool = False) -> None:
        """Take a snapshot of `service`. A degraded one only adds: who is missing in it stays as known before."""
        if degraded:
            present = {each.id for each in items}
            items = [*items, *(each for each in self._all.get(service, ()) if each.id not in present)]
        self._take(service, tuple(items), degraded=degraded)

    def apply(
        self, service: str, changed: Sequence[Instance], removed: Collection[str], *, degraded: bool
    ) -> None:  # fmt: skip
        """Take what changed since the last snapshot: new and newer instances, and ids; these stay when `degraded`."""
        newer = {each.id: each for each in changed}
        gone = frozenset() if degraded else frozenset(removed) - newer.keys()
        kept = [newer.pop(each.id, each) for each in self._all.get(service, ()) if each.id not in gone]
        self._take(service, (*kept, *newer.values()), degraded=degraded)

    def _take(self, service: str, items: tuple[Instance, ...], *, degraded: bool) -> None:
        self.touch()
        warm = service not in self._complete  # who is there at first has been running for a while
        if not degraded:
            self._complete.add(service)
        if items == self._all.get(service):
            return
        up = [each for each in items if each.state == "up"]
        since = self._up_since(service, up, warm=warm)
        self._all[service] = items
        self._up[service] = Pool(up, up_since=since, slow_start=self._slow_start, clock=self._clock)
        self._tell(service)

    def _up_since(self, service: str, up: Sequence[Instance], *, warm: bool) -> dict[str, float]:
        """Note when each came up, by the own clock: those of the Registry and of the instances may be wrong."""
        before, now = self._up.get(service, _NOBODY), self._clock()
        since = {each: at for each, at in before.up_since.items() if now - at < self._slow_start}
        if not warm:
            known = {each.id: each.incarnation for each in before}
            since |= {each.id: now for each in up if known.get(each.id) != each.incarnation}
        return since

    def _tell(self, service: str) -> None:
        for callback in self._callbacks:
            try:
                callback(service)
            except Exception:
                log.exception("a listener of the directory failed", service_type=service)

    def _load(self, instance: Instance) -> float:
        return self._in_flight.get((instance.type, instance.id), 0)

    def _unreachable(self, service: str) -> list[str]:
        if not self._avoided:
            return []
        now = self._clock()
        for key, until in list(self._avoided.items()):
            if until <= now:
                self._avoided.pop(key, None)
        return [instance_id for kind, instance_id in list(self._avoided) if kind == service]
