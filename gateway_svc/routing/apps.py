"""The Django app of the gateway."""

from importlib import import_module

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """Routes clients to services."""

    name = "gateway_svc.routing"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("gateway_svc.routing.checks")
