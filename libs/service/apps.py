"""The Django app that gives every service its commands and its system checks."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings


class ServiceConfig(AppConfig):
    """Installed by every service, first."""

    name = "libs.service"
    label = "service"

    def ready(self) -> None:
        """Register the system checks, and make the folder of a SQLite database."""
        from libs.service import checks  # noqa: F401, PLC0415  (Django's way: checks register on import)

        database = settings.DATABASES["default"]
        if database["ENGINE"].endswith("sqlite3"):
            Path(database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
