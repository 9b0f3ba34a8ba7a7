"""What the dashboard asks for every few seconds, because nobody pushes it: checks, load, guards, errors.

One observation per process serves all pages. A failing part keeps its last value and says why.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from admin_svc.dashboard.instances import Instance, instance_of
from admin_svc.dashboard.sources.base import Params, Source, source
from libs.contracts.errors import ServiceError

log = structlog.get_logger(__name__)
Key = tuple[str, str]  # service, instance

ERROR_WINDOW = timedelta(minutes=15)
ERRORS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Observation:
    """Facts of one moment, and why some of them could not be renewed. `degraded` has the guards of each such type."""

    instances: Mapping[Key, Instance] = field(default_factory=dict)
    degraded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    errors: Mapping[Key, int] | None = None
    registry_failure: str = ""
    logger_failure: str = ""


class Observer:
    """Keeps the newest observation; `latest` renews it when it is too old."""

    def __init__(self, source: Source, max_age: float) -> None:
        """Ask `source`; an observation older than `max_age` seconds is not shown."""
        self._source = source
        self._max_age = max_age
        self._lock = threading.Lock()
        self._observation = Observation()
        self._at = float("-inf")

    def latest(self) -> Observation:
        """Give an observation that is recent enough."""
        with self._lock:
            if time.monotonic() - self._at > self._max_age:
                self._renew()
            return self._observation

    def renew(self) -> Observation:
        """Observe now."""
        with self._lock:
            self._renew()
            return self._observation

    def _renew(self) -> None:
        self._observation = self._errors(self._registry(self._observation))
        self._at = time.monotonic()

    def _registry(self, last: Observation) -> Observation:
        try:
            types = self._source.get("registry", "/v1/services")["items"]
            found = [one for kind in types for one in self._instances(kind["type"])]
        except ServiceError as error:
            log.warning("the registry can't be observed", error=error.detail)
            return replace(last, registry_failure=error.detail)
        degraded = {kind["type"]: tuple(kind.get("guards") or ()) for kind in types if kind.get("degraded")}
        known = {(one.service, one.id): one for one in found}
        return replace(last, instances=known, degraded=degraded, registry_failure="")

    def _instances(self, service: str) -> list[Instance]:
        answer = self._source.get("registry", f"/v1/services/{service}/instances")
        return [instance_of({"type": service, **item}) for item in answer["items"]]

    def _errors(self, last: Observation) -> Observation:
        since = (timezone.now() - ERROR_WINDOW).isoformat()
        wanted: Params = {"level": "error", "since": since, "limit": ERRORS_SHOWN}
        try:
            records = self._source.get("logger", "/v1/logs", wanted)["items"]
        except ServiceError as error:
            return replace(last, errors=None, logger_failure=error.detail)
        counts = Counter((record.get("service", ""), record.get("instance", "")) for record in records)
        return replace(last, errors=counts, logger_failure="")


_observers: dict[Source, Observer] = {}


def observer() -> Observer:
    """Give the observer of the process's source."""
    return _observers.setdefault(source(), Observer(source(), max_age=2 * settings.REFRESH_SECONDS))
