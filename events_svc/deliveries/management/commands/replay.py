"""`manage.py replay`: deliver stored events to a subscriber again."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from events_svc.deliveries.services.replaying import replay
from libs.contracts.errors import ServiceError


class Command(BaseCommand):
    help = "Deliver stored events to a subscriber again; its inbox skips what it has applied."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--subscriber", required=True, help="the service that gets them")
        parser.add_argument("--type", default="", help="an event type, or its beginning and a *")
        parser.add_argument("--since", required=True, help="stored since, such as 2026-11-23T10:00:00Z")

    def handle(self, *args: Any, subscriber: str, type: str, since: str, **options: Any) -> None:  # noqa: A002
        try:
            count = replay(subscriber=subscriber, event_type=type, since=_instant(since))
        except ServiceError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{count} to be delivered again")


def _instant(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"--since: {text!r} is not a time such as 2026-11-23T10:00:00Z")
    return found if found.tzinfo else found.replace(tzinfo=timezone.get_current_timezone())
