"""`manage.py worker`: run one Celery worker of this service."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from libs.service import platform


class Command(BaseCommand):
    help = "Run one Celery worker on this service's queues, until SIGTERM."
    requires_system_checks: list[str] = []  # refuse_unready runs them and says one line

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.WORKER_QUEUES:
            raise CommandError(f"{settings.SERVICE} has no queue, so it has no worker")
        from libs.eventbus import worker  # noqa: PLC0415  (only services with a queue install it)
        from libs.service.workerdoor import WorkerDoor  # noqa: PLC0415  (for commands of others it is a long import)

        platform.begin_logs()
        platform.refuse_unready()
        platform.connect()
        worker.run(
            settings.SERVICE, settings.WORKER_QUEUES, Shipping(), WorkerDoor(), platform.parts_of("WORKER_PARTS")
        )


class Shipping:
    """Ships logs from the process that runs the tasks: a child with prefork, and gRPC does not survive a fork."""

    def start(self) -> None:
        """Begin to ship."""
        self._shipper = platform.ship_logs()

    def stop(self) -> None:
        """Ship what is left."""
        self._shipper.stop(timeout=5.0)
