"""Trying again: whom, and after how long. With jitter and in an own order, so that many clients do not move as one."""

import random
from collections.abc import Sequence

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


class Rotation:
    """Gives addresses in turn, for ever, in an order drawn once. Not thread-safe."""

    def __init__(self, items: Sequence[str]) -> None:
        """Draw the order."""
        self.items = _dice.sample(list(items), len(items))
        self._next = 0

    def __len__(self) -> int:
        return len(self.items)

    def __next__(self) -> str:
        """Give the next one."""
        self._next = (self._next + 1) % len(self.items)
        return self.items[self._next - 1]
