"""`manage.py routes`: print which prefix goes to which service and instances, as the Registry tells it now."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gateway_svc.routing.selectors import route_rows
from libs import telemetry
from libs.discovery import directory
from libs.service import platform


class Command(BaseCommand):
    help = "Print the live routing table: prefix, service, instances."

    def handle(self, *args: Any, **options: Any) -> None:
        telemetry.configure(settings.SERVICE, settings.INSTANCE, "ERROR")
        platform.connect()
        known = directory()
        rows = route_rows(known)
        known.stop()
        if known.age() == float("inf"):
            raise CommandError(f"no registry answers at {', '.join(settings.REGISTRY_ADDRESSES)}")
        for prefix, service, instances in [("PREFIX", "SERVICE", "INSTANCES"), *rows]:
            self.stdout.write(f"{prefix:<28} {service:<12} {instances}")
