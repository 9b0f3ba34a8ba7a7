"""Pace: how long shipping waits for what."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. The random parts keep processes out of step with each other."""

    #: How long a record waits for others to share its batch.
    linger: float = 0.5
    #: A batch in memory for longer than this is also put on disk: that much may be lost at kill -9.
    rescue_after: float = 0.5
    #: Pauses while the sink fails.
    min_pause: float = 1.0
    max_pause: float = 30.0
    #: How often an idle courier looks for folders of dead processes.
    adopt_every: float = 10.0

    def pause(self, failures: int) -> float:
        """Give the pause after so many failures in a row: it grows, with full jitter above the least."""
        ceiling = min(self.max_pause, self.min_pause * 2.0 ** min(failures, 10))
        return random.uniform(self.min_pause, ceiling)  # noqa: S311

    def until_adoption(self) -> float:
        """Give the time until the next look."""
        return self.adopt_every * random.uniform(0.5, 1.5)  # noqa: S311
