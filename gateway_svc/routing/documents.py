"""Fetches the services' documents and keeps the merged one until the directory changes."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from gateway_svc.routing.openapi import encode, merge
from gateway_svc.routing.table import OWN_SERVICE, routes_of
from libs.contracts.errors import ServiceError
from libs.discovery import Directory, ServiceClient
from libs.identity.bundle import route_matches

log = structlog.get_logger(__name__)

TIMEOUT = 3.0

#: A document in which a service is missing is made again after so long (seconds).
RETRY_SECONDS = 5.0

#: What the merged document depends on: services with their routes and the versions of their instances.
Key = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


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

    def current(self) -> Merged:
        """Give the document, made anew where services came, went or changed."""
        key = self._key()
        with self._lock:
            if self._kept is None or self._kept.key != key or time.monotonic() > self._kept.stale_at:
                self._kept = self._make(key)
            return self._kept

    def _key(self) -> Key:
        found = []
        for service, instances in sorted(self._directory.services().items()):
            up = [instance for instance in instances if instance.state == "up"]
            routes = routes_of(up)
            if routes and service != OWN_SERVICE:
                found.append((service, routes, tuple(sorted({instance.incarnation for instance in up}))))
        return tuple(found)

    def _make(self, key: Key) -> Merged:
        routes = {service: prefixes for service, prefixes, _ in key}
        documents = {}
        for service in routes:
            try:
                documents[service] = self._fetch(service)
            except (ServiceError, ValueError) as error:
                log.warning("a service gives no OpenAPI document", service_type=service, error=str(error))

        def covers(service: str, path: str) -> bool:
            return any(route_matches(prefix, path) for prefix in routes[service])

        body = encode(merge(documents, version=self._version, covers=covers))
        complete = len(documents) == len(routes)
        stale_at = float("inf") if complete else time.monotonic() + RETRY_SECONDS
        return Merged(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', key, stale_at)


def fetch_document(service: str) -> dict[str, Any]:
    """Ask a service for its own document; ServiceError or ValueError where it gives none."""
    answer = ServiceClient(service).get("/openapi.json", timeout=TIMEOUT).raise_for_status()
    document = answer.json()
    if not isinstance(document, dict):
        raise ValueError("the document is no object")  # noqa: TRY004  (bad data, as bad JSON is)
    return document
