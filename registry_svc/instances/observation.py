"""What /metrics tells of the Registry. All names begin with `mt_registry_`."""

from collections import Counter
from collections.abc import Collection

from libs.telemetry import metrics

#: The guards, as answers, metrics and the log name them; `guards` says what each is.
WARM_UP, STALL, MASS_LOSS, UNSYNCED = GUARDS = ("warm_up", "stall", "mass_loss", "unsynced")

INSTANCES = metrics.gauge("mt_registry_instances", "Instances, by type and state.", "type", "state")
DAMPED = metrics.gauge("mt_registry_damped", "Instances held down because they went up and down too often.", "type")
GUARD = metrics.gauge(
    "mt_registry_guard", "1 while a guard keeps instances of a type from being evicted.", "type", "guard"
)
LEASES = metrics.gauge("mt_registry_leases", "Leases that this Registry holds.")
BEAT_SECONDS = metrics.gauge("mt_registry_heartbeat_every_seconds", "Seconds between two beats, as granted now.")
WATCHERS = metrics.gauge("mt_registry_watchers", "Open Watch streams.")
NODES = metrics.gauge("mt_registry_nodes", "Registries that share the database and are alive, this one included.")
JOURNAL = metrics.gauge("mt_registry_journal_waiting", "Changes that wait to be written to the database.")
TRANSITIONS = metrics.counter("mt_registry_transitions", "Changes of state, by type and new state.", "type", "after")
EVICTIONS = metrics.counter(
    "mt_registry_evictions", "Lost leases, by type and cause: death or silence.", "type", "cause"
)
ADOPTIONS = metrics.counter("mt_registry_adoptions", "Leases taken over from Registries that are gone.")
STALLS = metrics.counter("mt_registry_stalls", "Times that this process stood still.")
REFUSED = metrics.counter("mt_registry_refused", "Requests refused, by code.", "code")
CHECKS = metrics.histogram("mt_registry_check_seconds", "Health checks, by kind and status.", "kind", "status")
CALLS = metrics.histogram(
    "mt_registry_call_seconds", "gRPC calls with one answer, by method and status.", "method", "status"
)
RESOLVED = metrics.counter("mt_registry_resolved", "Answers to resolve, by type and strategy.", "type", "strategy")


def count_transition(service: str, after: str) -> None:
    """Count a change of state; an instance that is gone is counted as such."""
    TRANSITIONS.labels(service, after or "gone").inc()


class Census:
    """Sets the gauges of types, and to 0 what is no longer there."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._states: dict[str, set[str]] = {}

    def take(self, service: str, states: Counter[str], *, damped: int, guards: Collection[str]) -> None:
        """Set the gauges of `service`."""
        known = self._states.setdefault(service, set())
        known |= set(states)
        for state in known:
            INSTANCES.labels(service, state).set(states[state])
        DAMPED.labels(service).set(damped)
        for guard in GUARDS:
            GUARD.labels(service, guard).set(guard in guards)
