"""The hub of this process: it watches Registry, Logger and Events once, and every open page looks at it.

services   pushed by the Registry's watch; every MT_ADMIN_REFRESH_SECONDS checks, load and errors are observed
events     Events' figures, asked once a second while a page looks at them
tails      one poll of Logger per distinct filter
"""

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections
from django.template.loader import render_to_string

from admin_svc.dashboard import selectors
from admin_svc.dashboard.board import board, live_instances
from admin_svc.dashboard.hub import control
from admin_svc.dashboard.hub.tail import Tails
from admin_svc.dashboard.hub.topic import Topic
from admin_svc.dashboard.observations import observer
from admin_svc.dashboard.services import records_prune, transitions_observe
from admin_svc.dashboard.sources.base import source
from libs.contracts.errors import ServiceError

log = structlog.get_logger(__name__)

EVENTS_SECONDS = 1.0
PRUNE_SECONDS = 3600.0
#: Pause after a change is shown, so that a storm of them is shown together.
COALESCE_SECONDS = 0.1


class Hub:
    """Runs a few small loops on one event loop; pages use `topics` and `tails`."""

    def __init__(self) -> None:
        """Prepare; `start` begins."""
        self.topics = {name: Topic(name) for name in ("services", "events")}
        self.tails = Tails(fetch_tail)
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to watch."""
        loop = asyncio.get_running_loop()
        source().on_change(lambda: _wake(loop, self._changed))
        self._changed.set()
        listening = control.listen(tuple(self.topics), self.news)
        works = (self._show_changes(), self._observe(), self._ask_events(), self._prune(), listening)
        self._tasks = [loop.create_task(work) for work in works]

    async def stop(self) -> None:
        """End all loops."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.tails.stop()

    def news(self, topic: str) -> None:
        """Look again at `topic`, because somebody has changed something there."""
        if topic == "services":
            self._changed.set()
        else:
            self.topics[topic].announce({"topic": topic})

    async def _show_changes(self) -> None:
        await self._every(COALESCE_SECONDS, self._show_change)

    async def _show_change(self) -> None:
        await self._changed.wait()
        self._changed.clear()
        html = await in_thread(render_services)
        self.topics["services"].publish({"topic": "services", "html": html})

    async def _observe(self) -> None:
        await self._every(settings.REFRESH_SECONDS, self._renew)

    async def _renew(self) -> None:
        await in_thread(observer().renew)
        self._changed.set()

    async def _ask_events(self) -> None:
        await self._every(EVENTS_SECONDS, self._compare_events)

    async def _compare_events(self) -> None:
        topic = self.topics["events"]
        if topic.watchers:
            topic.publish({"topic": "events", "figures": await in_thread(_event_figures)})

    async def _prune(self) -> None:
        await self._every(PRUNE_SECONDS, lambda: in_thread(records_prune))

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                log.exception("a round of the hub failed")
            await asyncio.sleep(seconds)


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Run synchronous work beside the loop, and give its database connection back."""

    def work() -> Any:
        try:
            return function(*args)
        finally:
            close_old_connections()

    return await sync_to_async(work, thread_sensitive=False)()


async def fetch_tail(params: dict[str, str | int]) -> Mapping[str, Any]:
    """Ask Logger's tail."""
    answer: Mapping[str, Any] = await in_thread(functools.partial(source().get, "logger", "/v1/logs/tail", params))
    return answer


def render_services() -> str:
    """Write the changes into the journal and draw the overview, the same for all who look at it."""
    observed = observer().latest()
    complete = not (observed.degraded or observed.registry_failure)
    transitions_observe(instances=live_instances(observed), complete=complete)
    return render_to_string("dashboard/_services.html", services_context())


def services_context() -> dict[str, Any]:
    """Give what the overview's partial needs."""
    return {"board": board(), "transitions": selectors.transitions(limit=10)}


def _event_figures() -> Any:
    try:
        return source().get("events", "/v1/stats")
    except ServiceError as error:
        return {"failure": error.code}


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody looks any more
        loop.call_soon_threadsafe(event.set)
