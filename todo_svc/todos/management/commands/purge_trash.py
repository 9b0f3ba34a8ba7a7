"""`manage.py purge_trash`: erase old entries of the trash now."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from todo_svc.todos.services.trash import KEPT, trash_purge


class Command(BaseCommand):
    help = "Erase what has been in the trash for too long; serve does so once a day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, default=KEPT.days, metavar="DAYS", help=f"default: {KEPT.days}")

    def handle(self, *args: Any, older_than: int, **options: Any) -> None:
        if not 0 <= older_than <= 36500:
            raise CommandError("--older-than: 0 to 36500 days")
        erased = trash_purge(before=timezone.now() + KEPT - timedelta(days=older_than))
        self.stdout.write(f"{erased} erased")
