"""Limits: how often a caller may register and watch, so that one in a loop cannot keep the Registry from the others."""

import math
import threading
import time
from collections.abc import Callable, Hashable

from libs.contracts.errors import TooManyRequests

#: So many keys are remembered at least before those with full buckets are forgotten.
CLEAN_ABOVE = 1000


class Limiter:
    """Token buckets by key: `rate` tokens a second, at most `burst` of them. Thread-safe."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with full buckets."""
        self._rate, self._burst, self._clock = rate, burst, clock
        self._lock = threading.Lock()
        self._buckets: dict[Hashable, tuple[float, float]] = {}  # tokens, and when they were counted
        self._clean_above = CLEAN_ABOVE

    def take(self, key: Hashable) -> None:
        """Take a token; TooManyRequests says after how many seconds there is one again."""
        with self._lock:
            now = self._clock()
            tokens = self._tokens(key, now)
            if tokens < 1.0:
                wait = math.ceil((1.0 - tokens) / self._rate)
                raise TooManyRequests("This is asked too often.", retry_after=wait)
            self._buckets[key] = (tokens - 1.0, now)
            if len(self._buckets) > self._clean_above:
                self._clean(now)

    def _tokens(self, key: Hashable, now: float) -> float:
        tokens, counted = self._buckets.get(key, (self._burst, now))
        return min(self._burst, tokens + (now - counted) * self._rate)

    def _clean(self, now: float) -> None:
        self._buckets = {key: kept for key, kept in self._buckets.items() if self._tokens(key, now) < self._burst}
        self._clean_above = max(CLEAN_ABOVE, 2 * len(self._buckets))
