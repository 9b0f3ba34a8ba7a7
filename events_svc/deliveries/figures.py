"""Figures: the metrics of the ledger, read from it every few seconds, so that storing and acknowledging pay nothing.

Each instance of Events shows the whole ledger: take one, don't add them up.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from events_svc.deliveries.selectors import Acknowledged, acknowledged_between, depths
from libs.eventbus.loops import Looper
from libs.telemetry import metrics

EVERY = 5.0
#: What is younger may still be uncommitted elsewhere.
LAG = timedelta(seconds=2)
BUCKETS = (*metrics.LATENCY_BUCKETS, 30.0, 60.0, 600.0, 3600.0)

DELIVERIES = metrics.gauge(
    "mt_events_deliveries", "Deliveries that are not finished, by subscriber and status.", "subscriber", "status"
)
OLDEST = metrics.gauge(
    "mt_events_oldest_seconds", "For how long the oldest of them has waited.", "subscriber", "status"
)
LATENCY = metrics.histogram(
    "mt_events_effect_seconds",
    "From the publication of an event, or its replay, to its acknowledged effect.",
    "type",
    "subscriber",
    buckets=BUCKETS,
)
RETRIES = metrics.counter("mt_events_retries", "Attempts beyond the first of acknowledged deliveries.", "subscriber")


class Figures:
    """A Part of each Events instance."""

    def __init__(self) -> None:
        """Count what is acknowledged from now on."""
        self._looper = Looper("figures", self.step)
        self._until = timezone.now() - LAG

    def start(self) -> None:
        """Start the thread."""
        self._looper.start()

    def stop(self) -> None:
        """End the thread."""
        self._looper.stop()

    def step(self) -> float:
        """Look once; give the seconds until the next look."""
        _show_depths(timezone.now())
        after, self._until = self._until, timezone.now() - LAG
        for row in acknowledged_between(after, self._until):
            _count(row)
        return EVERY


def _show_depths(now: datetime) -> None:
    DELIVERIES.clear()  # what is gone would stay for ever
    OLDEST.clear()
    for subscriber, status, count, oldest in depths():
        DELIVERIES.labels(subscriber, status).set(count)
        OLDEST.labels(subscriber, status).set((now - oldest).total_seconds())


def _count(row: Acknowledged) -> None:
    LATENCY.labels(row.type, row.subscriber).observe(row.seconds)
    if row.attempts > 1:
        RETRIES.labels(row.subscriber).inc(row.attempts - 1)
