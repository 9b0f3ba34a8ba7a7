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
        self._revisions: dict[str, int] = {}
        changes.listen(self._follow)
        for service in catalog.bundle.services:
            self._follow(service)

    def age(self) -> float:
        """Give 0: this is the source itself."""
        return 0.0

    def _follow(self, service: str) -> None:
        news = self._catalog.news(service, self._revisions.get(service))
        self._revisions[service] = news.revision
        if news.delta:
            self.apply(service, news.items, news.removed, degraded=False)
        else:
            self.update(service, news.items)
