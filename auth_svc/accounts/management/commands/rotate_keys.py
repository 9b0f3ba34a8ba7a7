"""`manage.py rotate_keys`."""

from typing import Any

from django.core.management.base import BaseCommand

from auth_svc.accounts.services.keys import keys_rotate


class Command(BaseCommand):
    help = "Sign access tokens with the next key from now on; tokens of the key before it stay valid until they expire."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"key {keys_rotate().kid} signs now")
