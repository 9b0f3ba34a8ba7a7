"""Subscribing: the worker tells Events which events it reacts to. The table of reactions is the whole truth."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings

from libs.contracts.names import subscriber_queue
from libs.discovery import ServiceClient
from libs.eventbus import inbox, reactions
from libs.eventbus.loops import Looper
from libs.eventbus.nudges import Backoff

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=60)


def subscribe(table: Mapping[str, Any]) -> None:
    """Tell Events the patterns of `table` and their versions; it ends those of this service that are not among them."""
    wanted = {
        "patterns": sorted(table),
        "versions": {pattern: reactions.versions_of(table[pattern]) for pattern in sorted(table)},
        "queue": subscriber_queue(settings.SERVICE),
    }
    ServiceClient("events").post("/v1/subscriptions", json=wanted).raise_for_status()


class Subscriptions:
    """A Part of the worker: subscribes at its start and every minute, and keeps the inbox from growing for ever."""

    def __init__(self) -> None:
        """Wait at most 5 s between attempts while Events is away."""
        self._looper = Looper("subscriptions", self.step, backoff=Backoff(0.2, 5.0))

    def start(self) -> None:
        """Start the thread."""
        self._looper.start()

    def stop(self) -> None:
        """End the thread; the subscriptions stay, because events must wait for the next worker."""
        self._looper.stop()

    def step(self) -> float:
        """Subscribe once; give the seconds until the next time."""
        subscribe(reactions.table())
        purged = inbox.purge()
        if purged:
            log.info("old inbox rows deleted", count=purged)
        return EVERY.total_seconds()
