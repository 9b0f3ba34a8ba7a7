"""How the service is plugged in."""

import pytest
from django.conf import settings
from django.core.management import call_command


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    call_command("makemigrations", "todos", check=True, dry_run=True, verbosity=0)


def test_the_tests_use_a_database_of_their_own() -> None:
    assert "mt-test-" in str(settings.DATABASES["default"]["NAME"]) or settings.EMBEDDED is False
