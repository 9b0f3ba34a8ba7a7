"""Quota: a token bucket per service, so that one that shouts does not silence the others."""

import math
import threading
import time
from collections.abc import Callable

from logger_svc.records.errors import QuotaExceeded
from logger_svc.records.intake import MAX_RECORDS

#: A service may save up so many seconds of its rate.
BURST_SECONDS = 2


class Quota:
    """Lets each service write `rate` records a second."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Fill all buckets; one always holds a whole batch."""
        self._rate = rate
        self._size = float(max(rate * BURST_SECONDS, MAX_RECORDS))
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, service: str, count: int) -> None:
        """Take `count` records from the quota; QuotaExceeded with the time to wait where it is used up."""
        with self._lock:
            now = self._clock()
            left, since = self._buckets.get(service, (self._size, now))
            left = min(self._size, left + (now - since) * self._rate)
            enough = left >= count
            self._buckets[service] = (left - count if enough else left, now)
        if not enough:
            raise QuotaExceeded(retry_after=max(1, math.ceil((count - left) / self._rate)))
