"""`manage.py logs`: show what is in the store, and what comes."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from libs.contracts.errors import ServiceError
from logger_svc.records import fulltext, selectors
from logger_svc.records.levels import NUMBERS
from logger_svc.records.models import Filters, Record, microseconds
from logger_svc.records.printing import line

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
INTERVAL = 0.25
PAGE = 500


class Command(BaseCommand):
    help = "Show log records of all services, the oldest first; --follow goes on until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--service", default="", help="only this service")
        parser.add_argument("--instance", default="", help="only this instance")
        parser.add_argument(
            "--level", type=str.lower, choices=list(NUMBERS), default="debug", help="this level and above"
        )
        parser.add_argument("--q", default="", help='words, or a "quoted phrase"')
        parser.add_argument("--since", default="", help="a moment (2026-11-23T10:00:00Z) or an age (15m, 2h, 1d)")
        parser.add_argument("--limit", type=int, default=100, help="at most so many of the newest (default: 100)")
        parser.add_argument("--follow", "-f", action="store_true", help="wait for more")

    def handle(self, *args: Any, limit: int, follow: bool, **options: Any) -> None:
        try:
            filters = filters_of(options)
            start = selectors.records_tail(filters=filters, after=None, limit=1).cursor
            self._show(reversed(selectors.records_search(filters=filters, limit=max(limit, 0), after=None)[0]))
            if follow:
                self._show(following(filters, start))
        except ServiceError as error:
            raise CommandError(error.detail) from None
        except (KeyboardInterrupt, BrokenPipeError):
            return

    def _show(self, records: Iterator[Record]) -> None:
        for record in records:
            self.stdout.write(line(record, self.style))


def following(filters: Filters, after: int, wait: Callable[[float], None] = time.sleep) -> Iterator[Record]:
    """Give what is committed from now on, for ever."""
    while True:
        tail = selectors.records_tail(filters=filters, after=after, limit=PAGE, max_behind=2**62)
        yield from tail.records
        if tail.cursor == after:
            wait(INTERVAL)
        after = tail.cursor


def filters_of(options: dict[str, Any]) -> Filters:
    """Make the filters that the options name."""
    return Filters(
        service=options["service"],
        instance=options["instance"],
        level=NUMBERS[options["level"]],
        since=microseconds(moment(options["since"])) if options["since"] else None,
        terms=fulltext.parse(options["q"]),
    )


def moment(text: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> datetime:
    """Read a moment, or an age such as 15m."""
    age = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if age:
        return now() - timedelta(**{UNITS[age[2]]: int(age[1])})
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--since: {text!r} is neither a moment nor an age like 15m") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
