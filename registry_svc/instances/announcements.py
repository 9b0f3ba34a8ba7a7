"""What other Registries announce over PostgreSQL, on a connection of its own: the pool's are for short work."""

from types import TracebackType
from typing import Any, Self

from django.db import connection

from registry_svc.instances.store import CHANNEL


class Announcements:
    """Listens from the beginning of the context to its end. Raises DatabaseErrors."""

    def __enter__(self) -> Self:
        """Connect as Django does, and listen."""
        driver: Any = connection.Database  # type: ignore[attr-defined]  # the driver, which every backend names so
        with connection.wrap_database_errors:
            self._connection = driver.connect(**connection.get_connection_params(), autocommit=True)
            self._connection.execute(f"LISTEN {CHANNEL}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._connection.close()

    def wait(self, seconds: float) -> list[str]:
        """Give the payloads that came, after `seconds` at the latest."""
        with connection.wrap_database_errors:
            return [each.payload for each in self._connection.notifies(timeout=seconds, stop_after=1)]
