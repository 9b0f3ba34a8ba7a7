"""`manage.py outbox`: see what Events has not confirmed and what it refuses; retry or drop the latter."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from libs.eventbus import outbox, quarantine
from libs.eventbus.models import OutboxEvent


class Command(BaseCommand):
    help = "Show the outbox and its quarantine: events that Events refuses. Retry one or all of these, or drop one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, default=50, help="how many of the quarantine to list (default: 50)")
        parser.add_argument("--retry", metavar="ID|all", help="send an event in quarantine, or all of them, again")
        parser.add_argument("--drop", metavar="ID", help="give an event in quarantine up: nobody will ever get it")

    def handle(self, *args: Any, limit: int, retry: str | None, drop: str | None, **options: Any) -> None:
        if retry:
            rows = quarantine.quarantined() if retry == "all" else _one("--retry", retry)
            self.stdout.write(f"{quarantine.retry(rows)} to be sent again")
        elif drop:
            self.stdout.write(f"{quarantine.drop(_one('--drop', drop))} dropped")
        else:
            self._show(limit)

    def _show(self, limit: int) -> None:
        count, age = outbox.depth()
        waiting = f"{count} events wait for Events" + (f", the oldest for {age:.0f} s" if count else "")
        self.stdout.write(f"{waiting}; {quarantine.quarantined().count()} are in quarantine")
        for row in quarantine.quarantined()[:limit]:
            self.stdout.write(_line(row))


def _one(option: str, which: str) -> QuerySet[OutboxEvent]:
    try:
        rows = quarantine.quarantined().filter(pk=UUID(which))
    except ValueError:
        raise CommandError(f"{option}: {which!r} is not the id of an event") from None
    if not rows.exists():
        raise CommandError(f"{option} {which}: there is no such event in quarantine")
    return rows


def _line(row: OutboxEvent) -> str:
    return f"{row.pk}\t{row}\tsince={row.quarantined_at:%Y-%m-%dT%H:%MZ}\trefusals={row.refusals}\t{row.refusal}"
