"""`manage.py replay`: deliver stored events to a subscriber again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events_svc.deliveries.management.moments import moment
from events_svc.deliveries.services.replaying import replay, replay_stop
from libs.contracts.errors import ServiceError

MOMENT = "a time such as 2026-11-23T10:00:00Z, or an age such as 2h"


class Command(BaseCommand):
    help = "Deliver stored events to a subscriber again; its inbox skips what it has applied."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--subscriber", help="the service that gets them")
        parser.add_argument("--type", default="", help="an event type, or its beginning and a *")
        parser.add_argument("--aggregate", default="", help="only those of this object")
        parser.add_argument("--since", help=f"stored since {MOMENT}")
        parser.add_argument("--until", help=f"stored until {MOMENT} (default: now)")
        parser.add_argument("--per-second", type=float, default=0.0, help="at this pace, in the background")
        parser.add_argument("--stop", type=int, metavar="ID", help="end a replay that `stats` shows")

    def handle(self, *args: Any, stop: int | None, **options: Any) -> None:
        try:
            if stop is not None:
                replay_stop(replay_id=stop)
                self.stdout.write("the replay has ended")
            else:
                self.stdout.write(self._replay(**options))
        except ServiceError as error:
            raise CommandError(error.detail) from None

    def _replay(self, *, subscriber: str | None, since: str | None, until: str | None, **options: Any) -> str:
        if not subscriber or not since:
            raise CommandError("--subscriber and --since are needed")
        if not 0 <= options["per_second"] <= 1000:
            raise CommandError("--per-second: write a number from 0 to 1000")
        count = replay(
            subscriber=subscriber,
            event_type=options["type"],
            aggregate_id=options["aggregate"],
            since=moment("--since", since),
            until=moment("--until", until) if until else None,
            per_second=options["per_second"],
        )
        return f"{count} to be delivered again"
