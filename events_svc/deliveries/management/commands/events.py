"""`manage.py events`: the event log, and what comes."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils import timezone

from events_svc.deliveries.management.moments import moment
from events_svc.deliveries.models import Event
from events_svc.deliveries.selectors import events_matching
from libs.contracts.errors import ServiceError

INTERVAL = 0.5
#: Transactions commit in another order than their events have; one takes at most this long.
OVERLAP = timedelta(seconds=15)


class Command(BaseCommand):
    help = "Show stored events, the oldest first; --follow goes on until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--type", default="", help="an event type, or its beginning and a *")
        parser.add_argument("--aggregate", default="", help="only those of this object")
        parser.add_argument("--request", default="", help="only those that this request caused")
        parser.add_argument("--since", help="stored since 2026-11-23T10:00:00Z, or an age such as 15m")
        parser.add_argument("--limit", type=int, default=50, help="at most so many of the newest (default: 50)")
        parser.add_argument("--follow", "-f", action="store_true", help="wait for more")

    def handle(self, *args: Any, limit: int, follow: bool, since: str | None, **options: Any) -> None:
        try:
            wanted = events_matching(
                event_type=options["type"],
                aggregate_id=options["aggregate"],
                request_id=options["request"],
                since=moment("--since", since) if since else None,
            )
        except ServiceError as error:
            raise CommandError(error.detail) from None
        seen = {row.pk for row in _recent(wanted)}
        self._show(reversed(wanted.order_by("-id")[: max(limit, 0)]))
        if follow:
            try:
                self._show(following(wanted, seen))
            except (KeyboardInterrupt, BrokenPipeError):
                return

    def _show(self, rows: Iterable[Event]) -> None:
        for row in rows:
            self.stdout.write(f"{row.time}\t{row}\tv{row.dataversion}\t{row.actor_id or '-'}\t{row.request_id or '-'}")


def following(wanted: QuerySet[Event], seen: set[int], wait: Callable[[float], None] = time.sleep) -> Iterator[Event]:
    """Give what is stored from now on, for ever; `seen` are the row ids that were shown already."""
    while True:
        recent = _recent(wanted)
        yield from (row for row in recent if row.pk not in seen)
        seen = {row.pk for row in recent}
        wait(INTERVAL)


def _recent(wanted: QuerySet[Event]) -> list[Event]:
    return list(wanted.filter(stored_at__gt=timezone.now() - OVERLAP).order_by("id"))
