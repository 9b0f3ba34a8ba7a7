"""The Django app of the event bus: outbox and inbox tables, and the check of the broker's address."""

from django.apps import AppConfig


class EventBusConfig(AppConfig):
    """Installed by every service that publishes or subscribes."""

    name = "libs.eventbus"
    label = "eventbus"

    def ready(self) -> None:
        """Register the system checks."""
        from libs.eventbus import checks  # noqa: F401, PLC0415  (Django's way: checks register on import)
