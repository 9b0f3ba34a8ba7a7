"""`manage.py deliveries`: see what is not delivered, and send it again or give it up."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events_svc.deliveries.models import Delivery, Status
from events_svc.deliveries.services.replaying import deliveries_retry_dead, delivery_retry, delivery_skip
from libs.contracts.errors import ServiceError

UNFINISHED = [Status.HELD, Status.PENDING, Status.SENT, Status.PARKED, Status.DEAD]


class Command(BaseCommand):
    help = "List deliveries that are not acknowledged; retry one, or all that are dead; give one up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dead", action="store_true", help="only those that failed for good")
        parser.add_argument("--limit", type=int, default=50, help="how many to list (default: 50)")
        parser.add_argument("--status", choices=Status.values, help="only those that stand so")
        parser.add_argument("--subscriber", help="only those to this service")
        parser.add_argument("--retry", metavar="ID|all", help="send a delivery, or all dead ones, again")
        parser.add_argument("--skip", metavar="ID", help="give a delivery up: later events of its aggregate go on")

    def handle(self, *args: Any, limit: int, retry: str | None, skip: str | None, **options: Any) -> None:
        if retry:
            self.stdout.write(f"{self._retry(retry)} to be sent again")
        elif skip:
            _decide("--skip", skip, delivery_skip)
            self.stdout.write("1 given up")
        else:
            self._list(limit, **options)

    def _list(self, limit: int, *, dead: bool, status: str | None, subscriber: str | None, **options: Any) -> None:
        wanted = [status] if status else [Status.DEAD] if dead else UNFINISHED
        rows = Delivery.objects.filter(status__in=wanted).select_related("event")
        if subscriber:
            rows = rows.filter(subscriber=subscriber)
        for row in rows.order_by("-id")[:limit]:
            self.stdout.write(_line(row))
        self.stdout.write(f"{rows.count()} deliveries")

    def _retry(self, which: str) -> int:
        if which == "all":
            return deliveries_retry_dead()
        _decide("--retry", which, delivery_retry)
        return 1


def _decide(option: str, which: str, action: Callable[..., Delivery]) -> None:
    if not which.isdigit():
        raise CommandError(f"{option}: {which!r} is not the id of a delivery")
    try:
        action(delivery_id=int(which))
    except ServiceError as error:
        raise CommandError(f"{option} {which}: {error.detail}") from None


def _line(row: Delivery) -> str:
    last = row.error.strip().splitlines()[-1:] or [""]
    return f"{row.pk}\t{row.status}\t{row.subscriber}\t{row.event}\tattempts={row.attempts}\t{last[0]}"
