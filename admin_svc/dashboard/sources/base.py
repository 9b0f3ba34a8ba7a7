"""The edge between the dashboard and the platform: four calls, all that the pages are made of."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from admin_svc.dashboard.instances import Instance

Params = Mapping[str, str | int]


class Source(Protocol):
    """Facts of the platform. All methods are synchronous and thread-safe; `get` and `post` raise ServiceError."""

    def instances(self) -> Sequence[Instance]:
        """Give the newest known snapshot of all instances, from memory."""

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback`, from any thread, whenever the snapshot has changed."""

    def get(self, service: str, path: str, params: Params | None = None) -> Any:
        """Read JSON from a service."""

    def post(self, service: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask a service to act; gives its JSON answer, or None where it has no body."""


@cache
def source() -> Source:
    """Give the process's source, as the setting DASHBOARD_SOURCE names it."""
    return cast("Source", import_string(settings.DASHBOARD_SOURCE)())
