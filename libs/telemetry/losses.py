"""Losses: an exact count of records that could not be kept, until a `log.dropped` record has told of them."""

import threading
from dataclasses import dataclass, field
from typing import Any

from libs.telemetry import metrics

_dropped = metrics.counter("mt_log_records_dropped", "Log records that could not be kept", "reason")


@dataclass
class Losses:
    """Counts by reason: `queue_full`, `disk_full`, `spill_full` or `refused`."""

    _counts: dict[str, int] = field(default_factory=dict)
    #: Reentrant, for the same reason as that of the queue.
    _lock: Any = field(default_factory=threading.RLock)

    def add(self, reason: str, count: int) -> None:
        """Count `count` records more."""
        if count:
            with self._lock:
                self._counts[reason] = self._counts.get(reason, 0) + count

    def __bool__(self) -> bool:
        """Say whether there is something to tell."""
        return bool(self._counts)

    def take(self) -> dict[str, Any]:
        """Give the attributes of a `log.dropped` record, and begin to count anew."""
        with self._lock:
            counts, self._counts = self._counts, {}
        for reason, count in counts.items():
            _dropped.labels(reason).inc(count)
        return {"count": sum(counts.values()), "reasons": counts}
