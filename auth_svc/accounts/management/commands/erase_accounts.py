"""`manage.py erase_accounts`."""

from typing import Any

from django.core.management.base import BaseCommand

from auth_svc.accounts.services.housekeeping import sweep


class Command(BaseCommand):
    help = "Erase the accounts whose waiting time is over, and delete expired sessions and tokens; `serve` does it too."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"accounts erased: {sweep()}")
