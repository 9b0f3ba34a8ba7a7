"""The Registry finds others without asking itself over the network: a Directory over its own catalog."""

from libs.discovery.directories import Snapshots
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.changes import Changes


class LocalDirectory(Snapshots):
    """Follows the catalog of this process; made on its event loop."""

    def __init__(self, catalog: Catalog, changes: Changes) -> None:
        """Take all types now, and each that changes later."""
        super().__init__()
        self._catalog = catalog
        changes.listen(self._take)
        for service in catalog.bundle.services:
            self._take(service)

    def age(self) -> float:
        """Give 0: this is the source itself."""
        return 0.0

    def _take(self, service: str) -> None:
        self.update(service, self._catalog.snapshot(service).items)
