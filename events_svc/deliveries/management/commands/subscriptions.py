"""`manage.py subscriptions`: who wants which events."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from events_svc.deliveries.models import Subscription
from libs.service.terminal import table

COLUMNS = ("SERVICE", "PATTERN", "VERSIONS", "QUEUE", "SEEN", "ENDED")


class Command(BaseCommand):
    help = "List the subscriptions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="also those that have ended")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Subscription.objects.order_by("service", "pattern")
        shown = rows if options["all"] else rows.filter(ended_at=None)
        self.stdout.write(table([COLUMNS, *map(_row, shown)]))


def _row(row: Subscription) -> tuple[str, ...]:
    ended = f"{row.ended_at:%Y-%m-%d %H:%M:%S}" if row.ended_at else ""
    versions = ",".join(map(str, row.versions)) or "any"
    return (row.service, row.pattern, versions, row.queue, f"{row.seen_at:%Y-%m-%d %H:%M:%S}", ended)
