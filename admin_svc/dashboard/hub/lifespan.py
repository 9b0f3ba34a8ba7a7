"""The hub's life: it starts and stops with the ASGI server, or starts at the first socket."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from admin_svc.dashboard.hub.hub import Hub
from libs.service import asgi

_running: list[Hub] = []


def hub() -> Hub:
    """Give the running hub; starts it on the current event loop where none runs."""
    if not _running:
        started = Hub()
        started.start()
        _running.append(started)
    return _running[0]


async def start() -> None:
    """Start the hub."""
    hub()


async def stop() -> None:
    """Stop the hub."""
    while _running:
        await _running.pop().stop()


async def lifespan(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Speak ASGI's lifespan protocol."""
    await asgi.lifespan(receive, send, start, stop)
