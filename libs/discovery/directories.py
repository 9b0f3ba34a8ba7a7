"""Directory: who is there, and whom to ask. `Snapshots` answers from memory; its subclasses fill it."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeAlias

import structlog

from libs.discovery.balancers import DEFAULT_STRATEGY, Balancers
from libs.discovery.errors import NoInstance
from libs.discovery.model import Instance

log = structlog.get_logger(__name__)

#: An instance that could not be reached is passed over for so long, where there are others (seconds).
AVOID_SECONDS = 2.0

_Key: TypeAlias = tuple[str, str]


class Directory(Protocol):
    """What a process knows of the platform's instances. Thread-safe; nothing here waits for the network for long."""

    def start(self) -> None:
        """Begin to keep the knowledge current; the first question does it as well."""

    def stop(self) -> None:
        """End that."""

    def pick(
        self, service: str, *, strategy: str = DEFAULT_STRATEGY, exclude: Collection[str] = ()
    ) -> Instance:  # fmt: skip
        """Choose a healthy instance of `service` whose id is not excluded; NoInstance where there is none."""

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
    """A Directory over the last good snapshot of each type, which is kept for ever."""

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self._lock = threading.Lock()
        self._all: dict[str, tuple[Instance, ...]] = {}
        self._up: dict[str, tuple[Instance, ...]] = {}
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
        self, service: str, *, strategy: str = DEFAULT_STRATEGY, exclude: Collection[str] = ()
    ) -> Instance:  # fmt: skip
        """Choose by `strategy` among those that are up, not excluded and, where others are, not avoided."""
        candidates: Sequence[Instance] = self._up.get(service, ())
        if exclude:
            candidates = [each for each in candidates if each.id not in exclude]
        if not candidates:
            raise NoInstance.of(service)
        if self._avoided:
            candidates = self._reachable(candidates) or candidates
        return self._balancers.choose(service, strategy, candidates, self._load)

    def instances(self, service: str) -> Sequence[Instance]:
        """Give all instances of `service` in the snapshot."""
        return self._all.get(service, ())

    def services(self) -> Mapping[str, Sequence[Instance]]:
        """Give the snapshots of all types."""
        return dict(self._all)

    def age(self) -> float:
        """Give the seconds since `touch`."""
        return time.monotonic() - self._contact

    def touch(self) -> None:
        """Note a contact with the source."""
        self._contact = time.monotonic()

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
                self._avoided[key] = time.monotonic() + AVOID_SECONDS

    def update(self, service: str, items: Sequence[Instance], *, degraded: bool = False) -> None:
        """Take a snapshot of `service`. A degraded one only adds: who is missing in it stays as known before."""
        self.touch()
        if degraded:
            present = {each.id for each in items}
            items = [*items, *(each for each in self._all.get(service, ()) if each.id not in present)]
        if service in self._all and tuple(items) == self._all[service]:
            return
        self._all[service] = tuple(items)
        self._up[service] = tuple(each for each in items if each.state == "up")
        self._tell(service)

    def _tell(self, service: str) -> None:
        for callback in self._callbacks:
            try:
                callback(service)
            except Exception:
                log.exception("a listener of the directory failed", service_type=service)

    def _load(self, instance: Instance) -> float:
        return self._in_flight.get((instance.type, instance.id), 0)

    def _reachable(self, candidates: Sequence[Instance]) -> list[Instance]:
        now = time.monotonic()
        for key, until in list(self._avoided.items()):
            if until <= now:
                self._avoided.pop(key, None)
        return [each for each in candidates if (each.type, each.id) not in self._avoided]
