"""Waiting between attempts: exponential with full jitter, so that many clients do not come back at once."""

import random

_dice = random.Random()  # noqa: S311 - jitter is no secret


class Backoff:
    """Gives the delay before each next attempt, in seconds. Not thread-safe."""

    def __init__(self, first: float = 0.1, cap: float = 1.0) -> None:
        """Draw the first delay from 0 to `first`; the bound doubles up to `cap`."""
        self._first = first
        self._cap = cap
        self._bound = first

    def next(self) -> float:
        """Give the next delay; never less than a tenth of its bound, so that nobody spins."""
        bound = self._bound
        self._bound = min(self._cap, bound * 2)
        return _dice.uniform(bound / 10, bound)

    def reset(self) -> None:
        """Begin anew after a success."""
        self._bound = self._first
