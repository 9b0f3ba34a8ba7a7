"""The routing table: longest prefix of whole segments, from the routes that instances registered.

A route is remembered when its last instance goes, so that clients get 503 (come back) and not 404 (wrong address).
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from gateway_svc.routing.errors import NoRoute
from libs.discovery import Directory, Instance
from libs.identity.bundle import route_matches

log = structlog.get_logger(__name__)

#: Paths that the gateway answers by itself.
OWN_SERVICE = "gateway"
OWN_PREFIXES = ("/docs", "/v1/openapi.json")
INTERNAL = "/internal"


@dataclass(frozen=True, slots=True)
class Route:
    """A prefix and the service that answers below it."""

    prefix: str
    service: str


_OWN = tuple(Route(prefix, OWN_SERVICE) for prefix in OWN_PREFIXES)


class RouteTable:
    """Finds the service of a path. Reads happen on the event loop, updates on the directory's thread."""

    def __init__(self, directory: Directory) -> None:
        """Follow `directory`."""
        self._directory = directory
        self._lock = threading.Lock()
        self._prefixes: dict[str, tuple[str, ...]] = {}
        self._routes: tuple[Route, ...] = _OWN
        directory.on_change(self.refresh)

    @property
    def routes(self) -> Sequence[Route]:
        """All routes, the longest prefix first."""
        return self._routes

    def load(self) -> None:
        """Take all that the directory knows now."""
        for service in self._directory.services():
            self.refresh(service)

    def refresh(self, service: str) -> None:
        """Take the routes of `service` anew, unless nobody is left to name them."""
        found = routes_of(self._directory.instances(service))
        with self._lock:
            if not found or service == OWN_SERVICE or found == self._prefixes.get(service):
                return
            self._prefixes[service] = found
            self._routes = tuple(sorted(self._all(), key=lambda route: (-len(route.prefix), route.service)))
        log.info("routes changed", service_type=service, routes=list(found))

    def find(self, path: str) -> Route:
        """Give the route of a decoded path; NoRoute where there is none, and for everything internal."""
        if not route_matches(INTERNAL, path):
            for route in self._routes:
                if route_matches(route.prefix, path):
                    return route
        raise NoRoute

    def _all(self) -> Iterator[Route]:
        yield from _OWN
        for service, prefixes in self._prefixes.items():
            for prefix in prefixes:
                yield Route(prefix, service)


def routes_of(instances: Sequence[Instance]) -> tuple[str, ...]:
    """Give the distinct prefixes that instances registered, in order."""
    return tuple(sorted({prefix for instance in instances for prefix in instance.routes}))
