"""Nudges: how a commit wakes the thread that carries on, so that latency is milliseconds and not a poll. And pauses."""

import random
import threading


class Nudge:
    """Wakes whoever waits in this process. A nudge given while nobody waits is kept."""

    def __init__(self) -> None:
        """Start without a nudge."""
        self._event = threading.Event()

    def give(self) -> None:
        """Wake the waiter."""
        self._event.set()

    def wait(self, timeout: float) -> bool:
        """Wait for a nudge, at most `timeout` seconds, and take it."""
        given = self._event.wait(timeout)
        self._event.clear()
        return given


class Backoff:
    """Growing pauses between attempts, with jitter; `reset` after a success."""

    def __init__(self, first: float = 0.1, longest: float = 5.0) -> None:
        """Begin with `first` seconds and double up to `longest`."""
        self._first, self._longest = first, longest
        self._next = first

    def pause(self) -> float:
        """Give the seconds to wait before the next attempt."""
        ceiling, self._next = self._next, min(self._next * 2, self._longest)
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311  (spreads load, hides nothing)

    def reset(self) -> None:
        """Begin again with the first pause."""
        self._next = self._first


#: Given when a transaction that wrote to the outbox has committed.
OUTBOX = Nudge()
