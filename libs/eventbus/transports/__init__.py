"""How messages leave this process: `celery` for real, `memory` for tests. EVENTBUS_TRANSPORT names one."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from libs.eventbus.transports.base import Transport, TransportError

__all__ = ["Transport", "TransportError", "transport"]

_KINDS = {
    "celery": "libs.eventbus.transports.celery.CeleryTransport",
    "memory": "libs.eventbus.transports.memory.MemoryTransport",
}


@cache
def transport() -> Transport:
    """Give this process's transport."""
    made = import_string(_KINDS[settings.EVENTBUS_TRANSPORT])()
    assert isinstance(made, Transport)
    return made
