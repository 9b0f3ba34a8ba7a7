"""Nudges: how a commit wakes the thread that carries on, so that latency is milliseconds and not a poll."""

import random
import threading
from collections.abc import Callable


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


class Looper:
    """A thread that runs `step` whenever it is nudged, and at least every time the pause that `step` gave is over."""

    def __init__(self, name: str, nudge: Nudge, step: Callable[[], float]) -> None:
        """Make the thread `name`; it starts with `start`, after any fork."""
        self._name, self._nudge, self._step = name, nudge, step
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the step in progress finish and end the thread."""
        self._stopping.set()
        self._nudge.give()
        if self._thread is not None:
            self._thread.join(timeout=15)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._nudge.wait(self._step())


#: Given when a transaction that wrote to the outbox has committed.
OUTBOX = Nudge()
