"""How one of several instances is chosen: five strategies, used by the Registry for `resolve` and by clients locally.

`Pool`: the candidates of one service type, sorted and weighed once per change, so that a choice among thousands costs
a binary search. `Balancer`: a strategy and its memory of whose turn it is; it gets the pool at each choice, so
instances may come and go, and it holds its own lock. `Balancers`: one of them per type, strategy and zone.

- `round_robin`, `random`: each in turn, or any. Weights do not count.
- `weighted_round_robin`: nginx's smooth weighted round robin (nginx 1.3.1, commit 52327e0 by M. Dounin, 2012).
- `weighted_random`: any, by weight.
- `least_load`: the power of two choices (M. Mitzenmacher, IEEE Transactions on Parallel and Distributed Systems 12(10),
  2001), drawn by weight.

An instance of weight 0 gets nothing of the last three while another one has weight. One that just came up has little
weight at first: Envoy's slow start (envoyproxy.io, "Slow start mode"), linear from 10 % to 100 % of its weight. Those
who came up together with the oldest one have all of it: there is nobody warm to spare them.
"""

import math
import random
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, TypeAlias

from libs.discovery.model import Instance

#: Gives the requests in flight at an instance.
LoadOf: TypeAlias = Callable[[Instance], float]

DEFAULT_STRATEGY = "least_load"

#: The part of its weight that an instance has at the beginning of its slow start.
SLOW_START_FROM = 0.1
#: Who comes up within this part of a slow start after the oldest member is not new beside it: a system that starts.
COHORT = 0.25
#: Weights are this old at most while somebody is in slow start (seconds).
WEIGH_EVERY = 0.1

_dice = random.Random()  # noqa: S311 - a choice of instances is no secret


@dataclass(frozen=True, slots=True)
class Shares:
    """The weights of a pool's members, with their running sums, in which a draw is a binary search."""

    weights: Sequence[float]
    sums: Sequence[float]
    until: float = math.inf

    def draw(self) -> int:
        """Draw a position by weight; one of weight 0 is never drawn."""
        return bisect_right(self.sums, _dice.random() * self.sums[-1])

    def draw_other(self, first: int) -> int:
        """Draw a position other than `first` by weight; `first` where no other has weight."""
        weight = self.weights[first]
        point = _dice.random() * (self.sums[-1] - weight)
        if point >= (self.sums[first - 1] if first else 0.0):
            point += weight  # steps over the first one, so that one draw is enough
        drawn = bisect_right(self.sums, point)
        return drawn if drawn < len(self.sums) else first


class Pool:
    """The candidates of one type by id, prepared once per change. Immutable but for what it remembers."""

    def __init__(
        self,
        instances: Iterable[Instance],
        *,
        up_since: Mapping[str, float] | None = None,
        slow_start: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Slow start: `slow_start` seconds from `up_since` of an id, by `clock`; who is missing there is warm."""
        self.instances = tuple(sorted(instances, key=lambda instance: instance.id))
        self.ids = tuple(each.id for each in self.instances)
        self.up_since = up_since or {}
        #: The zone that all members share because of `near`, and all members of the pool that this is a part of.
        self.zone, self.whole = "", self.instances
        self._slow_start = slow_start
        self._clock = clock
        self._shares: Shares | None = None
        self._zones: dict[str, Pool] | None = None
        self._without: tuple[frozenset[str], Pool] | None = None

    def __len__(self) -> int:
        return len(self.instances)

    def __iter__(self) -> Iterator[Instance]:
        return iter(self.instances)

    def near(self, zone: str) -> "Pool":
        """Give the part in `zone` where anybody with weight is there, else all."""
        if self._zones is None:
            self._zones = self._by_zone()
        return self._zones.get(zone, self)

    def without(self, ids: Iterable[str]) -> "Pool":
        """Give the part whose ids are not in `ids`; the last answer is remembered."""
        gone = frozenset(each for each in ids if self._index(each) is not None)
        if not gone:
            return self
        known = self._without
        if known is None or known[0] != gone:
            part = self._part((each for each in self.instances if each.id not in gone), self.zone)
            known = self._without = (gone, part)
        return known[1]

    def shares(self) -> Shares:
        """Give the weights of now; all are equal where nobody has weight."""
        shares = self._shares
        if shares is None or (shares.until < math.inf and self._clock() >= shares.until):
            shares = self._shares = self._weigh()
        return shares

    def _weigh(self) -> Shares:
        weights, until = [each.effective_weight for each in self.instances], math.inf
        if not any(weights):
            weights = [1.0] * len(weights)
        elif self._slow_start and self.up_since:
            now, together = self._clock(), self._oldest() + self._slow_start * COHORT
            for each, since in self.up_since.items():
                warm, index = (now - since) / self._slow_start, self._index(each)
                if warm < 1 and index is not None and since > together:
                    weights[index] *= SLOW_START_FROM + (1 - SLOW_START_FROM) * max(warm, 0.0)
                    until = now + WEIGH_EVERY
        return Shares(tuple(weights), tuple(accumulate(weights)), until)

    def _oldest(self) -> float:
        """Give when the first of the members came up; who is warm came up long ago."""
        return min(self.up_since.get(each, -math.inf) for each in self.ids)

    def _by_zone(self) -> dict[str, "Pool"]:
        zones = {each.zone for each in self.instances if each.zone and each.effective_weight}
        members: dict[str, list[Instance]] = {zone: [] for zone in zones}
        for each in self.instances:
            if each.zone in members:
                members[each.zone].append(each)
        return {
            zone: self._part(there, zone) for zone, there in members.items() if len(there) < len(self)
        }  # fmt: skip

    def _part(self, instances: Iterable[Instance], zone: str) -> "Pool":
        part = Pool(instances, up_since=self.up_since, slow_start=self._slow_start, clock=self._clock)
        part.zone, part.whole = zone, self.whole
        return part

    def _index(self, instance_id: str) -> int | None:
        index = bisect_left(self.ids, instance_id)
        return index if index < len(self.ids) and self.ids[index] == instance_id else None


class Balancer(Protocol):
    """Chooses one of at least one candidates."""

    def choose(self, pool: Pool, load: LoadOf) -> Instance:
        """Choose."""


class RoundRobin:
    """Each in turn, by id: after the last chosen one comes the next higher id, whoever came or went."""

    def __init__(self) -> None:
        """Begin with the lowest id."""
        self._lock = threading.Lock()
        self._last = ""

    def choose(self, pool: Pool, load: LoadOf) -> Instance:
        """Choose the next one."""
        with self._lock:
            index = bisect_right(pool.ids, self._last) % len(pool)
            self._last = pool.ids[index]
        return pool.instances[index]


class Random:
    """Any, with the same chance."""

    def choose(self, pool: Pool, load: LoadOf) -> Instance:
        """Throw the dice."""
        return _dice.choice(pool.instances)


class WeightedRandom:
    """Any, with a chance in proportion to its weight."""

    def choose(self, pool: Pool, load: LoadOf) -> Instance:
        """Throw the loaded dice."""
        return pool.instances[pool.shares().draw()]


class WeightedRoundRobin:
    """Each as often as its weight says, evenly spread: nginx's smooth weighted round robin, O(n).

    All gain their weight, the highest is chosen and pays the total. Weights 5, 1, 1 give a a b a c a a.
    As in nginx, who is passed over for once (another zone, an excluded one) keeps what it has.
    """

    def __init__(self) -> None:
        """Begin with nobody ahead."""
        self._lock = threading.Lock()
        self._current: dict[str, float] = {}
        self._whole: tuple[Instance, ...] = ()
        self._total = 0.0

    def choose(self, pool: Pool, load: LoadOf) -> Instance:
        """Choose the one that waited longest for its share."""
        shares = pool.shares()
        with self._lock:
            if pool.whole is not self._whole:
                self._follow(pool.whole)
            current, chosen, most = self._current, pool.instances[0], -math.inf
            for each, weight in zip(pool.instances, shares.weights, strict=True):
                if weight:
                    current[each.id] = gained = current[each.id] + weight
                    if gained > most:
                        chosen, most = each, gained
            current[chosen.id] -= shares.sums[-1]
        return chosen

    def _follow(self, whole: tuple[Instance, ...]) -> None:
        """Forget who went. What somebody owes is a part of a turn: it keeps that meaning when the weights change."""
        total = sum(each.effective_weight for each in whole) or float(len(whole))
        scale = total / self._total if self._total else 1.0
        self._current = {each.id: self._current.get(each.id, 0.0) * scale for each in whole}
        self._whole, self._total = whole, total


class LeastLoad:
    """The power of two choices (Mitzenmacher 2001): of two drawn by weight, the one with less load per weight.

    Always choosing the least loaded one would send everybody to the same place at the same time.
    """

    def choose(self, pool: Pool, load: LoadOf) -> Instance:
        """Draw two and compare; the first one where they are equal, which keeps an idle system at its weights."""
        if len(pool.instances) == 1:
            return pool.instances[0]
        shares = pool.shares()
        first = shares.draw()
        second = shares.draw_other(first)
        one, other = pool.instances[first], pool.instances[second]
        return other if load(other) / shares.weights[second] < load(one) / shares.weights[first] else one


#: All strategies by the name that `resolve` takes.
STRATEGIES: dict[str, Callable[[], Balancer]] = {
    "round_robin": RoundRobin,
    "random": Random,
    "weighted_round_robin": WeightedRoundRobin,
    "weighted_random": WeightedRandom,
    "least_load": LeastLoad,
}


class Balancers:
    """The balancers of all service types: one per type, strategy and zone, made at first use.

    Zones have turns of their own: callers of two zones that take turns would else skip every second instance.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._balancers: dict[tuple[str, str, str], Balancer] = {}

    def choose(self, service: str, strategy: str, pool: Pool, load: LoadOf) -> Instance:
        """Choose one of at least one in the `pool` of `service`; KeyError for an unknown strategy."""
        key = (service, strategy, pool.zone)
        balancer = self._balancers.get(key)
        if balancer is None:
            balancer = self._balancers.setdefault(key, STRATEGIES[strategy]())
        return balancer.choose(pool, load)
