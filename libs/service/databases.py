"""One database per service: a SQLite file where nothing else is said, or PostgreSQL by `MT_DATABASE_URL`."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from libs.service.env import ConfigurationError

#: The engine of SQLite.
SQLITE = "libs.service.sqlite3"


def database(url: str, default_file: Path) -> dict[str, Any]:
    """Give Django's settings of the database at `url`, or of the SQLite file `default_file` where it is empty."""
    if not url:
        return sqlite(default_file)
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite(Path(unquote(parts.path)))
    if parts.scheme in ("postgres", "postgresql"):
        return _postgres(url)
    raise ConfigurationError(f"MT_DATABASE_URL: {parts.scheme!r} is neither sqlite nor postgresql")


def sqlite(file: Path) -> dict[str, Any]:
    """Give the settings of a SQLite file: WAL, write locks taken at BEGIN, patient with other writers.

    What commits write is taken from the WAL into the file after 16 MiB, not after 4: a task costs 20 pages.
    """
    return {
        "ENGINE": SQLITE,
        "NAME": str(file),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 0,  # the engine waits
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000;",
        },
    }


def _postgres(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if not parts.hostname or not parts.path.strip("/"):
        raise ConfigurationError("MT_DATABASE_URL: a PostgreSQL address names a host and a database")
    try:
        port = parts.port or 5432
    except ValueError as error:
        raise ConfigurationError(f"MT_DATABASE_URL: {error}") from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": parts.hostname,
        "PORT": str(port),
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,  # after a restart of the server the pool is full of dead connections
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 16, "timeout": 10}, "connect_timeout": 5},
    }
