"""The suite's own settings."""

from pathlib import Path

from django.conf import settings
from django.db import connection


def test_the_suite_uses_a_database_and_a_home_of_its_own():
    assert "mt-test-" in str(settings.HOME)
    assert Path("var") not in Path(str(connection.settings_dict["NAME"])).parents
    assert settings.EVENTBUS_TRANSPORT == "memory"
