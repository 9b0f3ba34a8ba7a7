"""What keeps one sick service, or one sick instance, from taking the rest with it.

RetryBudget   second attempts are at most a share of the requests, so that retries can't multiply an overload
              (Site Reliability Engineering, chapter 21; Finagle's RetryBudget)
Ejections     an instance that fails several times in a row is passed over for a while (Envoy: outlier detection)
Breaker       a service that mostly fails is asked by one request at a time until it answers (Nygard: Release It!)

All live on the event loop of one gateway process, and decide by what that process has seen.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]

WINDOW = 10.0  # seconds that budget and breaker look back


class _Window:
    """Two counts over the last `WINDOW` seconds, in slices of a tenth."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slices: deque[tuple[int, list[int]]] = deque()
        self._sums = [0, 0]

    def add(self, index: int) -> None:
        number = int(self._clock() * 10 / WINDOW)
        if not self._slices or self._slices[-1][0] != number:
            self._slices.append((number, [0, 0]))
            self._expire(number)
        self._slices[-1][1][index] += 1
        self._sums[index] += 1

    def sums(self) -> tuple[int, int]:
        self._expire(int(self._clock() * 10 / WINDOW))
        return self._sums[0], self._sums[1]

    def clear(self) -> None:
        self._slices.clear()
        self._sums = [0, 0]

    def _expire(self, number: int) -> None:
        while self._slices and self._slices[0][0] <= number - 10:
            _, counts = self._slices.popleft()
            for index, count in enumerate(counts):
                self._sums[index] -= count


class RetryBudget:
    """Retries of one service: at most `share` of the requests of the window, but always `least`."""

    def __init__(self, clock: Clock, share: float = 0.2, least: int = 3) -> None:
        """Begin with nothing spent."""
        self._window = _Window(clock)
        self._share = share
        self._least = least

    def note(self) -> None:
        """Count a request."""
        self._window.add(0)

    def spend(self) -> bool:
        """Count a retry; False where there is nothing left."""
        if self.left < 1:
            return False
        self._window.add(1)
        return True

    @property
    def left(self) -> int:
        """How many retries are left now."""
        requests, retries = self._window.sums()
        return max(self._least, int(requests * self._share)) - retries


@dataclass(slots=True)
class Outlier:
    """What is known of an instance: failures in a row, how often it was ejected, and until when it is."""

    failures: int = 0
    times: int = 0
    until: float = 0.0


class Ejections:
    """The instances that fail. After each ejection they come back by themselves; a success forgets everything."""

    def __init__(self, clock: Clock, *, after: int = 5, seconds: float = 30.0, longest: float = 300.0) -> None:
        """Eject after `after` failures in a row, for `seconds` times the number of ejections, at most `longest`."""
        self._clock = clock
        self._after = after
        self._seconds = seconds
        self._longest = longest
        self._known: dict[str, Outlier] = {}

    def succeeded(self, instance_id: str) -> None:
        """Note an answer."""
        if self._known:
            self._known.pop(instance_id, None)

    def failed(self, instance_id: str) -> bool:
        """Note a failure; True where it ejects the instance."""
        outlier = self._known.setdefault(instance_id, Outlier())
        outlier.failures += 1
        if outlier.failures % self._after or outlier.until > self._clock():
            return False
        outlier.times += 1
        outlier.until = self._clock() + min(self._longest, self._seconds * outlier.times)
        return True

    def ejected(self) -> set[str]:
        """Give the ids of those that are ejected now."""
        if not self._known:
            return set()
        now = self._clock()
        return {instance_id for instance_id, outlier in list(self._known.items()) if outlier.until > now}

    def seconds_left(self, instance_id: str) -> float:
        """Give how long an instance stays ejected; 0 where it is not."""
        outlier = self._known.get(instance_id)
        return max(0.0, outlier.until - self._clock()) if outlier else 0.0

    def failures(self, instance_id: str) -> int:
        """Give its failures in a row."""
        outlier = self._known.get(instance_id)
        return outlier.failures if outlier else 0

    def keep(self, instance_ids: set[str]) -> None:
        """Forget all others: they are gone. The directory's thread may say so while the event loop reads and notes."""
        for instance_id in self._known.keys() - instance_ids:
            self._known.pop(instance_id, None)


class Breaker:
    """Closed while a service answers; open where at least half of its last requests had no answer."""

    def __init__(self, clock: Clock, *, least: int = 20, share: float = 0.5, seconds: float = 5.0) -> None:
        """Open at `share` failures of at least `least` requests in the window, for `seconds`."""
        self._clock = clock
        self._least = least
        self._share = share
        self._seconds = seconds
        self._window = _Window(clock)
        self._until = 0.0
        self._probing = False
        self.is_open = False

    @property
    def state(self) -> str:
        """Give `closed`, `open` or `half_open`."""
        if not self.is_open:
            return "closed"
        return "open" if self._clock() < self._until else "half_open"

    def wait(self) -> float:
        """Give 0 where a request may pass, else the seconds until it is worth another try."""
        if not self.is_open:
            return 0.0
        left = self._until - self._clock()
        if left > 0:
            return left
        if self._probing:
            return self._seconds
        self._probing = True
        return 0.0

    def answered(self) -> None:
        """Note an answer: of a probe, it closes the breaker."""
        if self.is_open:
            self.is_open = self._probing = False
            self._window.clear()
        self._window.add(0)

    def failed(self) -> bool:
        """Note that there was none; True where that opens the breaker."""
        self._window.add(1)
        if self.is_open:
            self._probing, self._until = False, self._clock() + self._seconds
            return False
        answered, failed = self._window.sums()
        if failed + answered < self._least or failed < self._share * (failed + answered):
            return False
        self.is_open, self._until = True, self._clock() + self._seconds
        return True

    def undecided(self) -> None:
        """A probe told nothing, such as one whose client left: let another one try."""
        self._probing = False
