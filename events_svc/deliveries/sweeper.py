"""The sweeper: what follows from time passing: expired leases, holes in a sequence, replays, old events."""

import time

import structlog

from events_svc.deliveries.services.acknowledging import SWEPT_AT_ONCE, leases_expire
from events_svc.deliveries.services.purging import events_purge
from events_svc.deliveries.services.refusing import refusals_purge
from events_svc.deliveries.services.replaying import replays_advance
from events_svc.deliveries.services.storing import holes_pass
from libs.eventbus.loops import Looper

log = structlog.get_logger(__name__)

EVERY = 0.5
PURGE_EVERY = 3600.0


class Sweeper:
    """A Part of each Events worker; several share the work."""

    def __init__(self) -> None:
        """Purge first after an hour: a start has better things to do."""
        self._looper = Looper("sweeper", self.step)
        self._purge_at = time.monotonic() + PURGE_EVERY

    def start(self) -> None:
        """Start the thread."""
        self._looper.start()

    def stop(self) -> None:
        """End the thread."""
        self._looper.stop()

    def step(self) -> float:
        """Sweep once; give the seconds until the next time."""
        expired = leases_expire()
        holes_pass()
        replays_advance()
        if time.monotonic() >= self._purge_at:
            self._purge_at = time.monotonic() + PURGE_EVERY
            log.info("old events deleted", count=events_purge(), refusals=refusals_purge())
        return 0.0 if expired == SWEPT_AT_ONCE else EVERY
