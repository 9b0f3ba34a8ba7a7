"""Makes the first administrator of an embedded system, with the generated password."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

USERNAME = "admin"


class Command(BaseCommand):
    help = "Creates the superuser `admin` with the password of KEYS_DIR/admin.password. An existing one is left alone."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(username=USERNAME).exists():
            self.stdout.write(f"{USERNAME} exists")
            return
        file = settings.KEYS_DIR / "admin.password"
        try:
            password = file.read_text().strip()
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}; `make secrets` writes it") from None
        if not password:
            raise CommandError(f"{file} is empty")
        User.objects.create_superuser(USERNAME, password=password)
        self.stdout.write(f"{USERNAME} created")
