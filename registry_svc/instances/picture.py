"""A picture of the platform, in which the doctor looks for what hurts; `management.gathering` takes it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from libs.discovery.model import Instance, State


@dataclass(frozen=True, slots=True)
class TypeSeen:
    """A service type as a registry tells of it."""

    type: str
    degraded: bool = False
    guards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What one door of a registry said. `fault` is the code of a finding, "" where it answered well."""

    address: str
    fault: str = ""
    detail: str = ""
    types: tuple[TypeSeen, ...] = ()
    instances: tuple[Instance, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Who exists."""
        return frozenset(map(name, self.instances))


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings that the doctor looks at; times in seconds."""

    lease_ttl: float = 3.0
    reap_after: float = 120.0
    evict_percent: int = 15
    metrics_token: bool = True
    embedded: bool = True
    registries: int = 1
    open_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """All that was gathered. Addresses are "host:port", instances "type/id"."""

    now: datetime
    readings: tuple[Reading, ...] = ()
    setup: Setup = field(default_factory=Setup)
    connections: Mapping[str, str] = field(default_factory=dict)  # address → why it took no connection, "" if it did
    skews: Mapping[str, float] = field(default_factory=dict)  # instance → seconds that its clock is ahead of ours
    began: Mapping[str, datetime] = field(default_factory=dict)  # instance → when its draining or maintenance began
    database_fault: str = ""

    @property
    def types(self) -> tuple[TypeSeen, ...]:
        """The types, as the first registry that answered tells of them."""
        return self._best.types

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The instances, as the first registry that answered tells of them."""
        return self._best.instances

    @property
    def by_type(self) -> dict[str, list[Instance]]:
        """The instances of each type that has any."""
        found: dict[str, list[Instance]] = defaultdict(list)
        for each in self.instances:
            found[each.type].append(each)
        return found

    @property
    def _best(self) -> Reading:
        return next((each for each in self.readings if not each.fault), Reading(""))


def name(instance: Instance) -> str:
    """Name an instance."""
    return f"{instance.type}/{instance.id}"


def targets(instance: Instance) -> list[tuple[str, int]]:
    """Give host and port of all that an instance serves."""
    return [(instance.host, port) for port in dict.fromkeys((instance.http_port, instance.grpc_port)) if port]


def state_began(state: State, changes: Iterable[tuple[datetime, str]]) -> datetime | None:
    """Find when `state` began, from its history (oldest first). A time down does not end it."""
    began: datetime | None = None
    for at, after in changes:
        if after == state:
            began = began or at
        elif after != "down":
            began = None
    return began


def skew(told: datetime, sent: datetime, received: datetime) -> float:
    """Give the seconds by which a clock is ahead of ours at least, from a `Date` (cut to whole seconds) that it told.

    The answer was written between `sent` and `received`, and `told` may be cut, and cached, by a second.
    """
    ahead = (told - received).total_seconds()
    behind = (sent - told).total_seconds() - 1
    return ahead if ahead > 0 else -max(0.0, behind)
