"""Fetches the services' documents and keeps the merged one until the directory changes.

A service is asked again when its instances or routes change. What it said is remembered when it goes or does not
answer, as its routes are: clients made from the document shall not lose half of it because of a restart.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from gateway_svc.routing.openapi import check, encode, merge
from gateway_svc.routing.table import OWN_SERVICE, routes_of
from libs.contracts.errors import ServiceError
from libs.discovery import Directory, ServiceClient
from libs.identity.bundle import route_matches

log = structlog.get_logger(__name__)

TIMEOUT = 3.0

#: A service that gave no document is asked again after so long (seconds).
RETRY_SECONDS = 5.0

#: What a service's document depends on: its routes, and which instances are up.
Version = tuple[tuple[str, ...], tuple[str, ...]]
Key = Mapping[str, Version]


@dataclass(frozen=True, slots=True)
class Merged:
    """The document as bytes with its entity tag."""

    body: bytes
    etag: str
    key: Key
    stale_at: float


class MergedDocument:
    """The merged OpenAPI document of a directory. Thread-safe."""

    def __init__(
        self, directory: Directory, *, version: str, fetch: Callable[[str], dict[str, Any]] | None = None
    ) -> None:
        """Describe the services of `directory`; `fetch` gives the document of one."""
        self._directory = directory
        self._version = version
        self._fetch = fetch or fetch_document
        self._lock = threading.Lock()
        self._kept: Merged | None = None
        self._routes: dict[str, tuple[str, ...]] = {}
        self._documents: dict[str, dict[str, Any]] = {}
        self._versions: dict[str, Version] = {}

    def current(self) -> Merged:
        """Give the document, made anew where services came, went or changed."""
        key = self._key()
        with self._lock:
            if self._kept is None or self._kept.key != key or time.monotonic() > self._kept.stale_at:
                self._kept = self._make(key)
            return self._kept

    def _key(self) -> Key:
        found = {}
        for service, instances in self._directory.services().items():
            up = [instance for instance in instances if instance.state == "up"]
            routes = routes_of(up)
            if routes and service != OWN_SERVICE:
                found[service] = (routes, tuple(sorted({instance.incarnation for instance in up})))
        return found

    def _make(self, key: Key) -> Merged:
        lacking = [service for service, version in key.items() if not self._ask(service, version)]
        body = encode(merge(self._documents, version=self._version, covers=self._covers))
        stale_at = time.monotonic() + RETRY_SECONDS if lacking else float("inf")
        return Merged(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', key, stale_at)

    def _ask(self, service: str, version: Version) -> bool:
        """Ask `service` for its document if this is not the version that is known; tell whether it is known now."""
        self._routes[service] = version[0]
        if self._versions.get(service) == version:
            return True
        try:
            self._documents[service] = self._fetch(service)
        except (ServiceError, ValueError) as error:
            log.warning("a service gives no OpenAPI document", service_type=service, error=str(error))
            return False
        self._versions[service] = version
        return True

    def _covers(self, service: str, path: str) -> bool:
        return any(route_matches(prefix, path) for prefix in self._routes[service])


def fetch_document(service: str) -> dict[str, Any]:
    """Ask a service for its own document; ServiceError or ValueError where it gives none."""
    answer = ServiceClient(service).get("/openapi.json", timeout=TIMEOUT).raise_for_status()
    return check(answer.json())
