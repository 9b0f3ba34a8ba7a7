"""The five strategies."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from libs.discovery.balancers import STRATEGIES, Balancers, RoundRobin, WeightedRoundRobin
from libs.discovery.model import Instance, LastCheck

A, B, C = (Instance("todo", name, weight=weight) for name, weight in (("a", 5), ("b", 1), ("c", 1)))


def idle(instance: Instance) -> float:
    return 0


def drawn(strategy: str, candidates: list[Instance], count: int) -> Counter[str]:
    balancers = Balancers()
    return Counter(balancers.choose("todo", strategy, candidates, idle).id for _ in range(count))


def test_round_robin_takes_each_in_turn_whatever_the_order_and_weights() -> None:
    balancer = RoundRobin()
    chosen = [balancer.choose(order, idle).id for order in ([A, B, C], [C, B, A], [B, A, C], [A, B, C])]
    assert chosen == ["a", "b", "c", "a"]


def test_round_robin_goes_on_when_instances_come_and_go() -> None:
    balancer = RoundRobin()
    chosen = [balancer.choose(order, idle).id for order in ([A, B, C], [A, C], [A, B, C], [A, B])]
    assert chosen == ["a", "c", "a", "b"]


def test_weighted_round_robin_is_smooth() -> None:
    balancer = WeightedRoundRobin()
    assert "".join(balancer.choose([A, B, C], idle).id for _ in range(14)) == "aabacaa" * 2


def test_weighted_round_robin_is_exact_over_a_cycle() -> None:
    assert drawn("weighted_round_robin", [A, B, C], 70) == {"a": 50, "b": 10, "c": 10}


def test_random_ignores_weights_and_weighted_random_follows_them() -> None:
    even, weighted = drawn("random", [A, B, C], 6000), drawn("weighted_random", [A, B, C], 7000)
    assert all(1800 < even[name] < 2200 for name in "abc")
    assert 4800 < weighted["a"] < 5200


def test_least_load_avoids_the_busy_one_of_two() -> None:
    busy = {"a": 9.0, "b": 0.0}
    balancers = Balancers()
    twins = [Instance("todo", "a"), Instance("todo", "b")]
    chosen = {balancers.choose("todo", "least_load", twins, lambda each: busy[each.id]).id for _ in range(100)}
    assert chosen == {"b"}


def test_least_load_measures_load_by_weight() -> None:
    load = {"a": 4.0, "b": 1.0}
    balancers = Balancers()
    chosen = {balancers.choose("todo", "least_load", [A, B], lambda each: load[each.id]).id for _ in range(100)}
    assert chosen == {"a"}


def test_least_load_of_an_idle_system_follows_the_weights() -> None:
    chosen = drawn("least_load", [A, B, C], 7000)
    assert 4700 < chosen["a"] < 5300


@pytest.mark.parametrize("strategy", ["weighted_round_robin", "weighted_random", "least_load"])
def test_weight_zero_gets_nothing_while_there_is_another(strategy: str) -> None:
    nothing = Instance("todo", "z", weight=0)
    assert drawn(strategy, [nothing, B], 50) == {"b": 50}
    assert drawn(strategy, [nothing], 5) == {"z": 5}
    assert set(drawn(strategy, [nothing, Instance("todo", "y", weight=0)], 100)) == {"y", "z"}


def test_a_warning_halves_the_weight() -> None:
    warned = Instance("todo", "a", weight=10, last_check=LastCheck(datetime.now(UTC), "warning"))
    assert drawn("weighted_round_robin", [warned, Instance("todo", "b", weight=10)], 30) == {"a": 10, "b": 20}


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_a_single_candidate_is_always_chosen(strategy: str) -> None:
    assert drawn(strategy, [B], 3) == {"b": 3}


def test_types_have_their_own_turns() -> None:
    balancers = Balancers()
    chosen = [balancers.choose(kind, "round_robin", [A, B], idle).id for kind in ("todo", "auth", "todo", "auth")]
    assert chosen == ["a", "a", "b", "b"]
