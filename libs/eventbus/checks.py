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
    """The broker is of a kind that loses nothing; Redis Cluster is not."""
    try:
        if settings.BROKER_URL:
            conf.broker_kind(settings.BROKER_URL)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="eventbus.E001")]
    return []
