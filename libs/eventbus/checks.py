"""System checks: the broker's address is one that works."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from libs.eventbus import conf


@register
def broker_is_supported(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The broker is of a kind that loses nothing; Redis Cluster is not, nor is memory outside tests."""
    try:
        kind = conf.broker_kind(settings.BROKER_URL) if settings.BROKER_URL else ""
    except ImproperlyConfigured as error:
        return [Error(str(error), id="eventbus.E001")]
    if kind == "memory" and settings.EVENTBUS_TRANSPORT != "memory":
        return [Error(f"MT_BROKER_URL: memory:// reaches no other process; use one of {conf.REAL}", id="eventbus.E002")]
    return []
