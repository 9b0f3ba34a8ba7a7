"""The overview as data: each service with its instances, and what is wrong with the Registry or Logger."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from admin_svc.dashboard.guards import GUARDS, UNNAMED, Guard, guards_of
from admin_svc.dashboard.instances import Instance
from admin_svc.dashboard.observations import Observation, observer
from admin_svc.dashboard.sources.base import source
from libs.contracts.names import SERVICES


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service type with its instances, and the guards that put in doubt what the Registry says of them."""

    name: str
    instances: tuple[Instance, ...] = ()
    guards: tuple[Guard, ...] = ()

    @property
    def visibility(self) -> str:
        """Give the type's visibility, known from its instances."""
        return next((one.visibility for one in self.instances if one.visibility), "")

    @property
    def routes(self) -> list[str]:
        """List the public routes that its instances serve."""
        return sorted({route for one in self.instances for route in one.routes})

    @property
    def healthy(self) -> int:
        """Count the instances that callers may use."""
        return sum(one.healthy for one in self.instances)

    @property
    def errors(self) -> int:
        """Count the error records of the last 15 minutes."""
        return sum(one.errors or 0 for one in self.instances)

    @property
    def tone(self) -> str:
        """Say how to colour the service: good, warn or bad."""
        if not self.healthy:
            return "bad"
        return "good" if self.healthy == len(self.instances) and not self.guards else "warn"


@dataclass(frozen=True, slots=True)
class Board:
    """All services, and the notices above them."""

    services: tuple[ServiceRow, ...]
    notices: tuple[str, ...] = ()

    @property
    def healthy(self) -> int:
        """Count the services of which at least one instance is usable."""
        return sum(row.healthy > 0 for row in self.services)

    @property
    def tone(self) -> str:
        """Say how to colour the whole."""
        tones = {row.tone for row in self.services}
        return "bad" if "bad" in tones else "warn" if "warn" in tones or self.notices else "good"


def board() -> Board:
    """Compose the overview from the live snapshot and the last observation."""
    observed = observer().latest()
    found = live_instances(observed)
    names = [*SERVICES, *sorted({one.service for one in found} - set(SERVICES))]
    rows = tuple(_row(name, found, observed) for name in names)
    return Board(rows, tuple(_notices(observed, rows)))


def live_instances(observed: Observation) -> Sequence[Instance]:
    """Give the pushed snapshot, completed by what was observed; the observation alone where nothing was pushed."""
    known = source().instances() or tuple(observed.instances.values())
    complete = [
        replace(one.updated(observed.instances.get((one.service, one.id))), errors=_errors(observed, one))
        for one in known
    ]
    return sorted(complete, key=lambda one: (one.service, one.id))


def instance_shown(service: str, instance: str) -> Instance | None:
    """Find one instance."""
    found = live_instances(observer().latest())
    return next((one for one in found if (one.service, one.id) == (service, instance)), None)


def _row(name: str, found: Sequence[Instance], observed: Observation) -> ServiceRow:
    guards = guards_of(observed.degraded[name]) if name in observed.degraded else ()
    return ServiceRow(name, tuple(one for one in found if one.service == name), guards)


def _errors(observed: Observation, instance: Instance) -> int | None:
    return None if observed.errors is None else observed.errors.get((instance.service, instance.id), 0)


def _notices(observed: Observation, rows: Sequence[ServiceRow]) -> list[str]:
    notices = []
    if observed.registry_failure:
        notices.append(f"The Registry can't be reached: this is the last known state. ({observed.registry_failure})")
    notices += _guard_notices(rows)
    if observed.logger_failure:
        notices.append(f"Logger can't be reached: error counts are missing. ({observed.logger_failure})")
    return notices


def _guard_notices(rows: Sequence[ServiceRow]) -> Iterator[str]:
    for guard in (*GUARDS.values(), UNNAMED):
        names = [row.name for row in rows if guard in row.guards]
        if names:
            yield guard.about("all services" if len(names) == len(rows) else ", ".join(names))
