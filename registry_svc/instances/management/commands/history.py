"""`manage.py history`: how the states of instances changed, from the Registry's database; the Registry may be away."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from libs.discovery.documents import moment_to_json
from libs.service.terminal import table
from registry_svc.instances.management.asking import add_json, as_json
from registry_svc.instances.management.past import moment, transitions
from registry_svc.instances.models import Transition

COLUMNS = ("WHEN", "TYPE", "INSTANCE", "BEFORE", "→", "AFTER", "REASON")


class Command(BaseCommand):
    help = "List changes of instances' states, the newest last."

    def add_arguments(self, parser: CommandParser) -> None:
        add_json(parser)
        parser.add_argument("type", nargs="?", default="", help="only this type")
        parser.add_argument("instance", nargs="?", default="", help="only this instance of it")
        parser.add_argument("--limit", type=int, default=50, help="at most so many of the newest (default: 50)")
        parser.add_argument("--since", default="", help="a moment (2026-11-23T10:00:00Z) or an age (30m, 1h, 2d)")

    def handle(self, *args: Any, type: str, instance: str, limit: int, since: str, **options: Any) -> None:  # noqa: A002
        start = moment(since, datetime.now(UTC)) if since else None
        try:
            found = transitions(type, instance, since=start, limit=max(limit, 0))
        except DatabaseError as error:
            raise CommandError(f"the Registry's database does not answer: {' '.join(str(error).split())}") from None
        if options["json"]:
            self.stdout.write(as_json(map(document, found)))
        else:
            self.stdout.write(table([COLUMNS, *map(row, found)]))


def row(change: Transition) -> tuple[str, ...]:
    """Show a change as a line of the table."""
    when = change.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return (when, change.type, change.instance_id, change.before, "→", change.after or "gone", change.reason)


def document(change: Transition) -> dict[str, Any]:
    """Show a change as JSON."""
    return {
        "at": moment_to_json(change.at),
        "type": change.type,
        "instance": change.instance_id,
        "incarnation": change.incarnation,
        "before": change.before,
        "after": change.after,
        "reason": change.reason,
    }
