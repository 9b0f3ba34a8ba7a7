"""`manage.py token`: print a service token for curl and grpcurl."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from libs.service.identity import bundle, signer


class Command(BaseCommand):
    help = "Print a token with which this service calls another, for curl and grpcurl."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--aud", default="registry", help="the service to call (default: registry)")
        parser.add_argument("--ttl", type=int, default=300, help="seconds it lives, 1 to 3600 (default: 300)")

    def handle(self, *args: Any, aud: str, ttl: int, **options: Any) -> None:
        if bundle().get(aud) is None:
            raise CommandError(f"--aud: the service bundle knows no {aud!r}")
        try:
            self.stdout.write(signer().token(aud, ttl))
        except ValueError as error:
            raise CommandError(f"--ttl: {error}") from None
