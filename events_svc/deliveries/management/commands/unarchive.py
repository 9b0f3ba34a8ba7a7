"""`manage.py unarchive`: read archived events back into the ledger."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events_svc.deliveries import archive
from events_svc.deliveries.services.purging import events_restore


class Command(BaseCommand):
    help = "Read files of the archive back in; `replay` sends their events again. They are kept anew from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, help="events-….jsonl.gz")

    def handle(self, *args: Any, files: list[Path], **options: Any) -> None:
        for file in files:
            try:
                count = events_restore(archive.read(file))
            except OSError as error:
                raise CommandError(f"{file}: {error.strerror or error}") from None
            self.stdout.write(f"{file}: {count} events restored")
