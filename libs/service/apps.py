"""The Django app that gives every service its commands and its system checks."""

from django.apps import AppConfig


class ServiceConfig(AppConfig):
    """Installed by every service, first."""

    name = "libs.service"
    label = "service"

    def ready(self) -> None:
        """Register the system checks."""
        from libs.service import checks  # noqa: F401, PLC0415  (Django's way: checks register on import)
