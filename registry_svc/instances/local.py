"""The Registry finds others without asking itself over the network: a Directory over its own catalog."""

import threading
from collections.abc import Collection, Mapping, Sequence

from libs.discovery import Instance
from libs.discovery.balancers import DEFAULT_STRATEGY
from libs.discovery.directories import Snapshots
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.changes import Changes


class LocalDirectory(Snapshots):
    """Reads a type from the catalog of this process when it is asked for it after a change; made on its event loop."""

    def __init__(self, catalog: Catalog, changes: Changes) -> None:
        """Follow `changes`."""
        super().__init__()
        self._catalog = catalog
        self._reading = threading.RLock()
        self._stale = set(catalog.bundle.services)
        changes.listen(self._note)

    def age(self) -> float:
        """Give 0: this is the source itself."""
        return 0.0

    def pick(
        self,
        service: str,
        *,
        strategy: str = DEFAULT_STRATEGY,
        exclude: Collection[str] = (),
        zone: str | None = None,
    ) -> Instance:
        """Choose from the catalog as it is."""
        self._read(service)
        return super().pick(service, strategy=strategy, exclude=exclude, zone=zone)

    def instances(self, service: str) -> Sequence[Instance]:
        """Give all instances of `service` in the catalog."""
        self._read(service)
        return super().instances(service)

    def services(self) -> Mapping[str, Sequence[Instance]]:
        """Give all types of the catalog."""
        for service in self._catalog.bundle.services:
            self._read(service)
        return super().services()

    def _note(self, service: str) -> None:
        self._stale.add(service)
        self._tell(service)

    def _read(self, service: str) -> None:
        with self._reading:
            if service in self._stale:
                self._stale.discard(service)
                self.update(service, self._catalog.snapshot(service).items)
