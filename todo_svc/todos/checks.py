"""System checks: what a machine may lack."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from todo_svc.todos import due


@register
def time_zones_are_known(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Due times need the IANA database."""
    if "Europe/Berlin" in due.zones():
        return []
    return [Error("no time zone database: install the system's tzdata, or set PYTHONTZPATH", id="todos.E001")]
