"""Where records live: SQLite files per day, or PostgreSQL partitions per day, behind one interface.

base       the interface
sqlite     embedded mode, one process writes
postgres   distributed mode, any number of Loggers
"""

import threading
from pathlib import Path

from django.conf import settings

from logger_svc.records.stores.base import Store
from logger_svc.records.stores.sqlite import SqliteStore

_lock = threading.Lock()
_made: dict[str, Store] = {}


def store() -> Store:
    """Give this process's store, as the settings want it."""
    with _lock:
        place = str(settings.LOG_STORE_DIR or settings.HOME / "logs") if settings.EMBEDDED else "postgres"
        if place not in _made:
            _made[place] = _make(place)
        return _made[place]


def _make(place: str) -> Store:
    if settings.EMBEDDED:
        return SqliteStore(Path(place), max_bytes=settings.LOG_MAX_BYTES)
    from logger_svc.records.stores.postgres import PostgresStore  # noqa: PLC0415  (embedded mode has no psycopg)

    return PostgresStore()
