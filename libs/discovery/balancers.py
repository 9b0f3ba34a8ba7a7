"""How one of several instances is chosen: five strategies, used by the Registry for `resolve` and by clients locally.

A balancer gets the candidates of each choice anew, so instances may come and go. It holds its own lock. Weights count
in the weighted strategies and in `least_load`: an instance of weight 0 gets nothing while there is another one.
"""

import random
import threading
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from libs.discovery.model import Instance

#: Gives the requests in flight at an instance.
Load: TypeAlias = Callable[[Instance], float]

DEFAULT_STRATEGY = "least_load"

_dice = random.Random()  # noqa: S311 - a choice of instances is no secret


class Balancer(Protocol):
    """Chooses one of at least one candidates."""

    def choose(self, candidates: Sequence[Instance], load: Load) -> Instance:
        """Choose."""


class RoundRobin:
    """Each in turn, by id: after the last chosen one comes the next higher id, whoever came or went."""

    def __init__(self) -> None:
        """Begin with the lowest id."""
        self._lock = threading.Lock()
        self._last = ""

    def choose(self, candidates: Sequence[Instance], load: Load) -> Instance:
        """Choose the next one."""
        ordered = sorted(candidates, key=lambda instance: instance.id)
        with self._lock:
            chosen = next((each for each in ordered if each.id > self._last), ordered[0])
            self._last = chosen.id
        return chosen


class Random:
    """Any, with the same chance."""

    def choose(self, candidates: Sequence[Instance], load: Load) -> Instance:
        """Throw the dice."""
        return _dice.choice(candidates)


class WeightedRandom:
    """Any, with a chance in proportion to its weight."""

    def choose(self, candidates: Sequence[Instance], load: Load) -> Instance:
        """Throw the loaded dice."""
        return _dice.choices(candidates, _weights(candidates))[0]


class WeightedRoundRobin:
    """Each as often as its weight says, evenly spread: nginx's smooth weighted round robin.

    All gain their weight, the highest is chosen and pays the total. Weights 5, 1, 1 give a a b a c a a.
    """

    def __init__(self) -> None:
        """Begin with nobody ahead."""
        self._lock = threading.Lock()
        self._current: dict[str, float] = {}

    def choose(self, candidates: Sequence[Instance], load: Load) -> Instance:
        """Choose the one that waited longest for its share."""
        weights = _weights(candidates)
        with self._lock:
            current = {
                each.id: self._current.get(each.id, 0.0) + weight
                for each, weight in zip(candidates, weights, strict=True)
            }
            chosen = max(_positive(candidates, weights), key=lambda instance: current[instance.id])
            current[chosen.id] -= sum(weights)
            self._current = current
        return chosen


class LeastLoad:
    """The power of two choices (Mitzenmacher 2001): of two drawn by weight, the one with less load per weight.

    Always choosing the least loaded one would send everybody to the same place at the same time.
    """

    def choose(self, candidates: Sequence[Instance], load: Load) -> Instance:
        """Draw two and compare; the first one where they are equal, which keeps an idle system at its weights."""
        if len(candidates) == 1:
            return candidates[0]
        weights = _weights(candidates)
        first = _draw(weights)
        second = _draw([0.0 if index == first else weight for index, weight in enumerate(weights)])
        one, other = candidates[first], candidates[second]
        if weights[second] and load(other) / weights[second] < load(one) / weights[first]:
            return other
        return one


#: All strategies by the name that `resolve` takes.
STRATEGIES: dict[str, Callable[[], Balancer]] = {
    "round_robin": RoundRobin,
    "random": Random,
    "weighted_round_robin": WeightedRoundRobin,
    "weighted_random": WeightedRandom,
    "least_load": LeastLoad,
}


class Balancers:
    """The balancers of all service types: one per type and strategy, made at first use."""

    def __init__(self) -> None:
        """Begin without any."""
        self._balancers: dict[tuple[str, str], Balancer] = {}

    def choose(self, service: str, strategy: str, candidates: Sequence[Instance], load: Load) -> Instance:
        """Choose one of `candidates` of `service`; KeyError for an unknown strategy."""
        balancer = self._balancers.get((service, strategy))
        if balancer is None:
            balancer = self._balancers.setdefault((service, strategy), STRATEGIES[strategy]())
        return balancer.choose(candidates, load)


def _weights(candidates: Sequence[Instance]) -> list[float]:
    weights = [each.effective_weight for each in candidates]
    return weights if any(weights) else [1.0] * len(weights)


def _positive(candidates: Sequence[Instance], weights: Sequence[float]) -> list[Instance]:
    return [each for each, weight in zip(candidates, weights, strict=True) if weight]


def _draw(weights: Sequence[float]) -> int:
    if not any(weights):
        return 0
    return _dice.choices(range(len(weights)), weights)[0]
