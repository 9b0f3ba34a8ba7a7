"""`manage.py schemas`: what events carry."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from libs.contracts.schemas import declared


class Command(BaseCommand):
    help = "Print the JSON Schemas of the events, or of those whose type begins so."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("type", nargs="?", default="", help="an event type, or its beginning")

    def handle(self, *args: Any, type: str, **options: Any) -> None:  # noqa: A002
        found = {title: schema for title, schema in declared().items() if title.startswith(type)}
        if not found:
            raise CommandError(f"no event's type begins with {type!r}")
        self.stdout.write(json.dumps(found, indent=2))
