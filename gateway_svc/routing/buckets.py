"""Token buckets as one gateway process sees them: tokens leased from the ledger, and the same rule without it.

Nothing here waits: `gateway_svc.routing.rates` asks the ledger for what a bucket lacks.
"""

import asyncio
import math
from collections import OrderedDict

from gateway_svc.routing.ledger import Ask, Grant
from libs.service.traffic import Rate

#: Subjects that one limit remembers; the one not seen for longest is forgotten.
MAX_SUBJECTS = 20_000

#: The largest lease: 1/50 of the quota, and not more than this.
LEASE_SHARE = 50
MAX_LEASE = 256

#: From this size on a lease is renewed when a quarter is left, so that no request waits for it.
RENEWED = 8
NEVER = -1


class Limit:
    """A rate that holds for each subject (user, token, address) by itself."""

    def __init__(self, name: str, rate: Rate, *, kind: str = "") -> None:
        """Make the limit that clients know as `name`; `kind` tells it from others in Redis and in metrics."""
        self.name = name
        self.kind = kind or name
        self.rate = rate
        self.cost = rate.window / rate.quota
        self.step = max(math.ceil(self.cost), 1)
        self.lease = min(max(rate.quota // LEASE_SHARE, 1), MAX_LEASE)
        self.policy = f'"{name}";q={rate.quota};w={rate.window}'.encode()
        self.state = f'"{name}";r=%d;t=%d'.encode()
        self._prefix = f"mt:rate:{self.kind}:" if self.kind == name else f"mt:rate:{self.kind}:{name}:"
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def bucket(self, subject: str) -> "Bucket":
        """Give the bucket of `subject`."""
        found = self._buckets.get(subject)
        if found is None:
            found = self._buckets[subject] = Bucket(self, self._prefix + subject)
            if len(self._buckets) > MAX_SUBJECTS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(subject)
        return found


class Bucket:
    """The tokens of one subject. Times are those of the process's monotonic clock."""

    __slots__ = ("_tat", "filling", "free_at", "key", "leased", "limit", "low", "owed", "waiting")

    def __init__(self, limit: Limit, key: str) -> None:
        """Begin full and without a lease."""
        self.limit = limit
        self.key = key
        self.leased = 0  # tokens paid for and not spent
        self.low = NEVER  # a lease that shrank to this is renewed
        self.owed = 0  # tokens that the ledger does not know of
        self.free_at = 0.0  # before, there is no token to be had
        self.waiting = 0  # requests that wait for a token
        self.filling: asyncio.Future[None] | None = None  # ends with the ledger's answer
        self._tat = 0.0  # when the bucket would be full again

    def ask(self) -> Ask:
        """Say what to ask the ledger for: what requests wait for, and a whole lease."""
        want = max(self.limit.lease - self.leased, 0)
        ask = Ask(self.key, self.limit.cost, self.limit.rate.window, self.waiting, want, self.owed)
        self.owed = 0
        return ask

    def take(self, ask: Ask, grant: Grant, now: float) -> None:
        """Take the ledger's answer."""
        self.leased += grant.tokens
        self._tat = now + grant.debt
        if grant.tokens < ask.need:
            self.free_at = max(self._tat + self.limit.cost - self.limit.rate.window, now)
        far = grant.tokens >= ask.want
        self.low = self.limit.lease // 4 if far and self.limit.lease >= RENEWED else NEVER

    def pay(self, now: float) -> bool:
        """Pay for a token by the own account, if there is one; `free_at` says when there will be."""
        window, cost = self.limit.rate.window, self.limit.cost
        tat = max(self._tat, now) + cost
        if tat > now + window + cost / 1000:
            self.free_at = tat - window
            return False
        self._tat = tat
        self.leased += 1
        self.owed += 1
        return True

    def left(self, now: float) -> int:
        """Give the tokens left, as far as is known here: below the quota, since one has just been spent."""
        debt = min(max(self._tat - now, 0.0), self.limit.rate.window)
        free = int((self.limit.rate.window - debt) / self.limit.cost + 0.001)
        return min(free + self.leased, self.limit.rate.quota - 1)

    def state(self, now: float) -> bytes:
        """Write what is left, and the whole seconds after which there is another token, as RateLimit tells it."""
        seconds = self.limit.step if self.leased or self.free_at <= now else self.retry_after(now)
        return self.limit.state % (self.left(now), seconds)

    def retry_after(self, now: float) -> int:
        """Give the whole seconds after which a refused request may come again."""
        return max(math.ceil(self.free_at - now), 1)
