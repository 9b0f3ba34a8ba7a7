"""`manage.py deliveries`: see what is not delivered, and send it again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events_svc.deliveries.models import Delivery, Status
from events_svc.deliveries.services.replaying import deliveries_retry_dead, delivery_retry
from libs.contracts.errors import ServiceError

UNFINISHED = [Status.HELD, Status.PENDING, Status.SENT, Status.DEAD]


class Command(BaseCommand):
    help = "List deliveries that are not acknowledged; retry one, or all that are dead."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dead", action="store_true", help="only those that failed for good")
        parser.add_argument("--limit", type=int, default=50, help="how many to list (default: 50)")
        parser.add_argument("--retry", metavar="ID|all", help="send a delivery, or all dead ones, again")

    def handle(self, *args: Any, dead: bool, limit: int, retry: str | None, **options: Any) -> None:
        if retry:
            self.stdout.write(f"{self._retry(retry)} to be sent again")
            return
        rows = Delivery.objects.filter(status__in=[Status.DEAD] if dead else UNFINISHED).select_related("event")
        for row in rows.order_by("-id")[:limit]:
            self.stdout.write(_line(row))
        self.stdout.write(f"{rows.count()} deliveries")

    def _retry(self, which: str) -> int:
        if which == "all":
            return deliveries_retry_dead()
        if not which.isdigit():
            raise CommandError(f"--retry: {which!r} is neither the id of a delivery nor 'all'")
        try:
            delivery_retry(delivery_id=int(which))
        except ServiceError as error:
            raise CommandError(f"--retry {which}: {error.detail}") from None
        return 1


def _line(row: Delivery) -> str:
    last = row.error.strip().splitlines()[-1:] or [""]
    return f"{row.pk}\t{row.status}\t{row.subscriber}\t{row.event}\tattempts={row.attempts}\t{last[0]}"
