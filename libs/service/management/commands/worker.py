"""`manage.py worker`: run one Celery worker of this service."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from libs import telemetry
from libs.service import platform


class Command(BaseCommand):
    help = "Run one Celery worker on this service's queues, until SIGTERM."
    requires_system_checks: list[str] = []  # refuse_unready runs them and says one line

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.WORKER_QUEUES:
            raise CommandError(f"{settings.SERVICE} has no queue, so it has no worker")
        from libs.eventbus import worker  # noqa: PLC0415  (only services with a queue install it)

        telemetry.configure(settings.SERVICE, settings.INSTANCE, settings.LOG_LEVEL)
        platform.refuse_unready()
        platform.connect()
        shipper = platform.ship_logs()
        try:
            worker.run(settings.SERVICE, settings.WORKER_QUEUES, platform.parts_of("WORKER_PARTS"))
        finally:
            shipper.stop(timeout=5.0)
