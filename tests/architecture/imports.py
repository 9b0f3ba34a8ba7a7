"""Import all modules of a service, in an environment that has only what the service declares.

uv run --isolated --package todo-svc python -m tests.architecture.imports todo
"""

import importlib
import os
import pkgutil
import sys
import tempfile
from pathlib import Path

import django

from libs.testing.keys import write_keys


def main(service: str) -> None:
    """Raise ImportError where something is missing."""
    package = f"{service}_svc"
    with tempfile.TemporaryDirectory() as home:
        write_keys(Path(home, "keys"))
        os.environ |= {
            "MT_HOME": home,
            "MT_BROKER_URL": "redis://localhost",
            "DJANGO_SETTINGS_MODULE": f"{package}.config.settings",
        }
        django.setup()
        names = [each.name for each in pkgutil.walk_packages([package], f"{package}.")]
        names.remove(f"{package}.config.asgi")  # it begins to work; what it imports is among the others
        for name in names:
            importlib.import_module(name)
    print(f"{package}: {len(names)} modules")


if __name__ == "__main__":
    main(*sys.argv[1:])
