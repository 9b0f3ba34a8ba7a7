"""Test settings really are test settings: read in a fresh process for each suite."""

import ast
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, SERVICES

READ = """
import json
from django.conf import settings
database = settings.DATABASES["default"]
print(json.dumps({
    "database": str(database["NAME"]), "test_database": str(database["TEST"]["NAME"]), "keys": str(settings.KEYS_DIR),
    "home": str(settings.HOME), "broker": settings.BROKER_URL, "redis": settings.REDIS_URL,
    "bus": settings.EVENTBUS_TRANSPORT, "service": settings.SERVICE,
}))
"""


@pytest.fixture(scope="module", params=SERVICES)
def suite(request):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MT_")}
    environment["DJANGO_SETTINGS_MODULE"] = f"tests.{request.param}_svc.settings"
    done = subprocess.run(
        [sys.executable, "-c", READ], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return request.param, json.loads(done.stdout)


def is_temporary(path):
    return Path(path).is_relative_to(tempfile.gettempdir())


def test_the_database_is_a_temporary_file(suite):
    _, settings = suite
    assert is_temporary(settings["database"])
    assert is_temporary(settings["test_database"])


def test_the_broker_is_none_and_the_bus_records(suite):
    _, settings = suite
    assert (settings["broker"], settings["bus"], settings["redis"]) == ("memory://", "memory", "")


def test_keys_and_data_are_temporary(suite):
    _, settings = suite
    assert is_temporary(settings["keys"])
    assert is_temporary(settings["home"])


def test_the_suite_tests_its_own_service(suite):
    service, settings = suite
    assert settings["service"] == service


@pytest.mark.parametrize("service", SERVICES)
def test_the_overlay_comes_after_the_settings_of_the_service(service):
    tree = ast.parse((ROOT / "tests" / f"{service}_svc" / "settings.py").read_text())
    stars = [n.module for n in tree.body if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
    assert stars == [f"{service}_svc.config.settings", "libs.testing.settings"]
