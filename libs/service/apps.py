"""The Django app that gives every service its commands and its system checks."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings

from libs.service.databases import SQLITE
from libs.service.env import ConfigurationError


class ServiceConfig(AppConfig):
    """Installed by every service, first."""

    name = "libs.service"
    label = "service"

    def ready(self) -> None:
        """Register the system checks, and make the folder of a SQLite database."""
        from libs.service import checks  # noqa: F401, PLC0415  (Django's way: checks register on import)

        if settings.WORKER_QUEUES:  # Events has a queue and no outbox
            from libs.eventbus import checks as _  # noqa: F401, PLC0415

        database = settings.DATABASES["default"]
        if database["ENGINE"] == SQLITE:
            _make(Path(database["NAME"]).parent)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"MT_HOME or MT_DATABASE_URL: can't make {folder}: {error.strerror}") from None
