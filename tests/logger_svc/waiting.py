"""Waits for conditions."""

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], object], within: float = 10.0) -> None:
    """Return as soon as `condition` holds; fail after `within` seconds."""
    deadline = time.monotonic() + within
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        tick.wait(0.01)
