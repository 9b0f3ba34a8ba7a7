"""The pool and the five strategies."""

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from statistics import NormalDist
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.discovery import balancers
from libs.discovery.balancers import STRATEGIES, WEIGH_EVERY, Balancers, LoadOf, Pool, RoundRobin, WeightedRoundRobin
from libs.discovery.model import Instance, LastCheck

A, B, C = (Instance("todo", name, weight=weight) for name, weight in (("a", 5), ("b", 1), ("c", 1)))
WEIGHTED = ["weighted_round_robin", "weighted_random", "least_load"]

ids = st.sampled_from("abcdefgh")
some_ids = st.sets(ids, min_size=1)
some_weights = st.lists(st.integers(0, 30), min_size=1, max_size=8).filter(any)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def idle(instance: Instance) -> float:
    return 0


def pool(weights: Mapping[str, int], **options: Any) -> Pool:
    return Pool((Instance("todo", name, weight=weight) for name, weight in weights.items()), **options)


def named(names: Iterable[str]) -> Pool:
    return pool(dict.fromkeys(names, 100))


def zoned(**zones: str) -> Pool:
    return Pool(Instance("todo", name, zone=zone) for name, zone in zones.items())


def drawn(strategy: str, candidates: Pool, count: int, load: LoadOf = idle) -> Counter[str]:
    chooser = Balancers()
    return Counter(chooser.choose("todo", strategy, candidates, load).id for _ in range(count))


def turns(candidates: Pool, count: int) -> str:
    balancer = WeightedRoundRobin()
    return "".join(balancer.choose(candidates, idle).id for _ in range(count))


def fits(counts: Mapping[str, int], shares: Mapping[str, float], p: float = 1e-6) -> bool:
    """Pearson's chi-square test with the critical value of Wilson and Hilferty: a true hypothesis fails once in 1/p."""
    count, whole = sum(counts.values()), sum(shares.values())
    expected = {name: count * share / whole for name, share in shares.items() if share}
    statistic = sum((counts.get(name, 0) - mean) ** 2 / mean for name, mean in expected.items())
    spread = 2 / (9 * max(len(expected) - 1, 1))
    critical = (1 - spread + NormalDist().inv_cdf(1 - p) * math.sqrt(spread)) ** 3 * 2 / (9 * spread)
    return counts.keys() <= expected.keys() and statistic < critical


@pytest.fixture(autouse=True)
def dice() -> Iterator[None]:
    balancers._dice.seed(20260101)
    yield
    balancers._dice.seed()


def test_the_chi_square_test_finds_a_member_that_gets_a_tenth_too_much() -> None:
    even = dict.fromkeys("abcdefgh", 10)
    wrong = random.Random(1).choices([*even], [11, *[10] * 7], k=100_000)
    right = random.Random(1).choices([*even], k=100_000)
    assert fits(Counter(right), even)
    assert not fits(Counter(wrong), even)
    assert not fits({"a": 1, "b": 1000, "c": 1000}, {"a": 0, "b": 1, "c": 1}), "who has no share must not be seen"


@pytest.mark.parametrize("strategy", ["random", "weighted_random", "least_load"])
@pytest.mark.parametrize("weights", [(1, 1), (5, 1, 1), (0, 1, 2, 3, 0, 5, 1000, 0), tuple(range(1, 21))])
def test_the_dice_follow_their_distribution(strategy: str, weights: tuple[int, ...]) -> None:
    by_weight = {f"i-{index}": float(weight) for index, weight in enumerate(weights)}
    candidates = pool({name: int(weight) for name, weight in by_weight.items()})
    counts = drawn(strategy, candidates, 20_000)
    assert fits(counts, dict.fromkeys(by_weight, 1.0) if strategy == "random" else by_weight)


@pytest.mark.parametrize("strategy", ["random", "weighted_random", "least_load"])
def test_random_ignores_weights_and_the_weighted_strategies_do_not(strategy: str) -> None:
    counts = drawn(strategy, Pool([A, B, C]), 7000)
    assert fits(counts, {"a": 1, "b": 1, "c": 1}) is (strategy == "random")
    assert fits(counts, {"a": 5, "b": 1, "c": 1}) is (strategy != "random")


@given(some_weights, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_second_draw_is_another_one_with_weight_where_there_is_one(weights: list[int], dice: random.Random) -> None:
    balancers._dice.seed(dice.random())
    shares = pool({f"i-{index}": weight for index, weight in enumerate(weights)}).shares()
    for _ in range(50):
        first = shares.draw()
        second = shares.draw_other(first)
        assert weights[first]
        assert weights[second]
        assert (second == first) is (sum(weight > 0 for weight in weights) == 1)


@given(st.lists(ids, max_size=20), st.lists(some_ids, max_size=12), some_ids)
@settings(deadline=None)
def test_round_robin_takes_each_once_in_a_row_whoever_came_or_went_before(
    order: list[str], changes: list[set[str]], stable: set[str]
) -> None:
    balancer = RoundRobin()
    for present in changes:
        balancer.choose(named(present), idle)
    candidates = named(sorted(stable, key=lambda name: order.index(name) if name in order else -1))
    chosen = [balancer.choose(candidates, idle).id for _ in range(3 * len(stable))]
    for start in range(2 * len(stable) + 1):
        assert sorted(chosen[start : start + len(stable)]) == sorted(stable)


def test_round_robin_takes_each_in_turn_whatever_the_order_and_weights() -> None:
    balancer = RoundRobin()
    chosen = [balancer.choose(Pool(order), idle).id for order in ([A, B, C], [C, B, A], [B, A, C], [A, B, C])]
    assert chosen == ["a", "b", "c", "a"]


def test_round_robin_goes_on_when_instances_come_and_go() -> None:
    balancer = RoundRobin()
    chosen = [balancer.choose(Pool(order), idle).id for order in ([A, B, C], [A, C], [A, B, C], [A, B])]
    assert chosen == ["a", "c", "a", "b"]


@given(some_weights)
@settings(deadline=None)
def test_weighted_round_robin_is_never_a_pick_ahead_and_exact_over_a_cycle(weights: list[int]) -> None:
    shares = {f"i-{index}": weight for index, weight in enumerate(weights)}
    whole, unit = sum(weights), math.gcd(*weights)
    balancer, candidates, counts = WeightedRoundRobin(), pool(shares), Counter[str]()
    for picks in range(1, 2 * whole // unit + 1):
        chosen = balancer.choose(candidates, idle).id
        counts[chosen] += 1
        assert (counts[chosen] - 1) * whole < picks * shares[chosen]
        if picks % (whole // unit) == 0:
            cycles = picks // (whole // unit)
            assert counts == Counter({name: cycles * weight // unit for name, weight in shares.items() if weight})


def test_weighted_round_robin_is_not_bunched() -> None:
    assert turns(Pool([A, B, C]), 14) == "aabacaa" * 2
    assert turns(pool({"a": 100, "b": 100, "c": 100}), 6) == "abcabc"
    assert turns(pool({"a": 3, "b": 2}), 10) == "ababaababa"


def test_weighted_round_robin_follows_a_changed_weight_without_paying_off_old_debts() -> None:
    balancer = WeightedRoundRobin()
    for _ in range(3):
        balancer.choose(pool({"a": 1000, "b": 900, "c": 1}), idle)
    after = pool({"a": 1, "b": 3, "c": 4})
    counts = Counter(balancer.choose(after, idle).id for _ in range(16))
    assert all(abs(counts[name] - share) <= 1 for name, share in (("a", 2), ("b", 6), ("c", 8)))


def test_weighted_round_robin_measures_turns_anew_where_weights_come_in() -> None:
    balancer, names = WeightedRoundRobin(), [f"i-{index:02}" for index in range(50)]
    assert balancer.choose(pool(dict.fromkeys(names, 0)), idle).id == "i-00"
    after = pool({name: int(name < "i-02") for name in names})
    counts = Counter(balancer.choose(after, idle).id for _ in range(20))
    assert counts in ({"i-00": 9, "i-01": 11}, {"i-00": 10, "i-01": 10})


def test_weighted_round_robin_gives_one_without_weight_nothing_though_the_others_had_their_turns() -> None:
    balancer, candidates = WeightedRoundRobin(), pool({"a": 0, "b": 1, "c": 1, "d": 1})
    assert balancer.choose(candidates, idle).id == "b"
    assert balancer.choose(candidates.without({"c", "d"}), idle).id == "b"


def test_weighted_round_robin_forgets_who_went() -> None:
    balancer = WeightedRoundRobin()
    for round_ in range(100):
        balancer.choose(named([f"{round_}-a", f"{round_}-b"]), idle)
    assert balancer._current.keys() == {"99-a", "99-b"}


def test_weighted_round_robin_keeps_the_turn_of_one_that_was_excluded_once() -> None:
    balancer, candidates = WeightedRoundRobin(), named("abc")
    assert balancer.choose(candidates, idle).id == "a"
    assert balancer.choose(candidates.without({"a"}), idle).id == "b"
    assert [balancer.choose(candidates, idle).id for _ in range(4)] == ["c", "b", "c", "a"]


def test_least_load_avoids_the_busy_one_of_two() -> None:
    busy = {"a": 9.0, "b": 0.0}
    assert drawn("least_load", named("ab"), 100, lambda each: busy[each.id]) == {"b": 100}


def test_least_load_measures_load_by_weight() -> None:
    load = {"a": 4.0, "b": 1.0}
    assert drawn("least_load", Pool([A, B]), 100, lambda each: load[each.id]) == {"a": 100}


def test_least_load_divides_what_the_busy_one_does_not_get_by_weight() -> None:
    weights = {"a": 500, "b": 1, "c": 2, "d": 3}
    counts = drawn("least_load", pool(weights), 20_000, lambda each: 1e9 if each.id == "a" else 0)
    assert fits(counts, weights | {"a": 0})


def test_least_load_asks_for_the_load_of_two_only() -> None:
    asked: list[str] = []
    drawn(
        "least_load", named(f"i-{index}" for index in range(100)), 1, lambda each: len(asked.append(each.id) or asked)
    )
    assert len(asked) == len(set(asked)) == 2


def test_callers_with_the_same_view_do_not_all_go_to_the_same_place() -> None:
    load = dict.fromkeys("abcdefghij", 3.0) | {"a": 2.0}
    candidates, callers = named("abcdefghij"), [Balancers() for _ in range(100)]
    counts = Counter(each.choose("todo", "least_load", candidates, lambda one: 3.0).id for each in callers)
    assert fits(counts, dict.fromkeys("abcdefghij", 1))
    herd = Counter(each.choose("todo", "least_load", candidates, lambda one: load[one.id]).id for each in callers)
    assert herd["a"] < 40, "two draws in ten find the least loaded one; looking at all would send everybody there"


def test_two_choices_keep_the_fullest_bin_far_below_that_of_random() -> None:
    bins = named(f"bin-{index:04}" for index in range(1000))
    fullest = {}
    for strategy in ("random", "least_load"):
        chooser, balls = Balancers(), Counter[str]()
        for _ in range(10_000):
            balls[chooser.choose("todo", strategy, bins, lambda each: balls[each.id]).id] += 1  # noqa: B023
        fullest[strategy] = max(balls.values()) - 10
    assert fullest["least_load"] <= 4
    assert fullest["random"] >= 8


@pytest.mark.parametrize("strategy", WEIGHTED)
def test_weight_zero_gets_nothing_while_there_is_another(strategy: str) -> None:
    assert drawn(strategy, pool({"z": 0, "b": 1}), 50) == {"b": 50}
    assert drawn(strategy, pool({"z": 0}), 5) == {"z": 5}
    assert set(drawn(strategy, pool({"z": 0, "y": 0}), 100)) == {"y", "z"}


def test_a_warning_halves_the_weight() -> None:
    warned = Instance("todo", "a", weight=10, last_check=LastCheck(datetime.now(UTC), "warning"))
    candidates = Pool([warned, Instance("todo", "b", weight=10)])
    assert drawn("weighted_round_robin", candidates, 30) == {"a": 10, "b": 20}


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_a_single_candidate_is_always_chosen(strategy: str) -> None:
    assert drawn(strategy, Pool([B]), 3) == {"b": 3}


def test_types_have_their_own_turns() -> None:
    chooser = Balancers()
    chosen = [chooser.choose(kind, "round_robin", named("ab"), idle).id for kind in ("todo", "auth", "todo", "auth")]
    assert chosen == ["a", "a", "b", "b"]


@pytest.mark.parametrize("strategy", ["round_robin", "weighted_round_robin"])
def test_zones_have_their_own_turns(strategy: str) -> None:
    chooser, candidates = Balancers(), zoned(a1="a", a2="a", b1="b", b2="b")
    chosen = [chooser.choose("todo", strategy, candidates.near(zone), idle).id for zone in "abab"]
    assert chosen == ["a1", "b1", "a2", "b2"]


@pytest.mark.parametrize("strategy", WEIGHTED)
@pytest.mark.parametrize(("age", "share"), [(0.0, 0.1), (10.0, 0.55), (20.0, 1.0), (1000.0, 1.0)])
def test_the_weight_of_a_new_one_grows_to_its_whole(strategy: str, age: float, share: float) -> None:
    clock = Clock()
    candidates = pool({"new": 100, "old": 100}, up_since={"new": clock.now}, slow_start=20.0, clock=clock)
    drawn(strategy, candidates, 1)
    clock.now += age
    counts = drawn(strategy, candidates, 20_000)
    assert fits(counts, {"new": share, "old": 1.0})


def test_least_load_gives_a_new_one_less_load() -> None:
    clock = Clock()
    candidates = pool({"new": 100, "old": 100}, up_since={"new": clock.now}, slow_start=20.0, clock=clock)
    load = {"new": 1.0, "old": 5.0}
    assert drawn("least_load", candidates, 50, lambda each: load[each.id]) == {"old": 50}
    clock.now += 20
    assert drawn("least_load", candidates, 50, lambda each: load[each.id]) == {"new": 50}


@pytest.mark.parametrize("strategy", ["round_robin", "random"])
def test_slow_start_does_not_count_where_weights_do_not(strategy: str) -> None:
    clock = Clock()
    candidates = pool({"new": 100, "old": 100}, up_since={"new": clock.now}, slow_start=20.0, clock=clock)
    assert fits(drawn(strategy, candidates, 2000), {"new": 1, "old": 1})


def test_slow_start_changes_nothing_where_all_are_equally_new() -> None:
    clock = Clock()
    since = dict.fromkeys("abc", clock.now)
    candidates = Pool([A, B, C], up_since=since, slow_start=20.0, clock=clock)
    clock.now += 5
    assert turns(candidates, 14) == "aabacaa" * 2


@pytest.mark.parametrize("age", [0.5, 3.0, 9.99, 10.01, 11.0])
def test_those_who_came_up_together_share_as_their_weights_say(age: float) -> None:
    clock = Clock()
    since = {"a": clock.now, "b": clock.now + 0.5, "c": clock.now + 2.0}
    candidates = Pool([A, B, C], up_since=since, slow_start=10.0, clock=clock)
    clock.now += age
    assert turns(candidates, 14) == "aabacaa" * 2


def test_who_comes_up_later_than_the_rest_of_a_young_system_is_new_beside_it() -> None:
    clock = Clock()
    candidates = pool(
        {"a": 100, "b": 100}, up_since={"a": clock.now, "b": clock.now + 5.0}, slow_start=10.0, clock=clock
    )
    clock.now += 5.0
    assert candidates.shares().weights == (100.0, 10.0)


def test_slow_start_goes_on_in_parts_of_the_pool() -> None:
    clock = Clock()
    members = [Instance("todo", name, zone="x") for name in ("gone", "new", "old")] + [
        Instance("todo", "far", zone="y")
    ]
    whole = Pool(members, up_since={"new": clock.now, "gone": clock.now}, slow_start=20.0, clock=clock)
    assert drawn("weighted_round_robin", whole.near("x").without({"gone"}), 110) == {"new": 10, "old": 100}
    assert whole.near("y").shares().until == math.inf, "those elsewhere do not matter"


def test_weights_are_kept_for_a_moment_in_slow_start_and_for_ever_after_it() -> None:
    clock = Clock()
    candidates = pool({"new": 100, "old": 100}, up_since={"new": clock.now}, slow_start=20.0, clock=clock)
    first = candidates.shares()
    clock.now += 0.9 * WEIGH_EVERY
    assert candidates.shares() is first
    clock.now += 0.2 * WEIGH_EVERY
    assert candidates.shares().weights[0] > first.weights[0]
    clock.now += 20
    warm = candidates.shares()
    assert warm.weights == (100.0, 100.0)
    clock.now += 10_000
    assert candidates.shares() is warm


def test_a_pool_is_sorted_by_id_and_counts_its_members() -> None:
    candidates = Pool([C, A, B])
    assert candidates.instances == tuple(candidates) == (A, B, C)
    assert (len(candidates), bool(candidates), bool(Pool([]))) == (3, True, False)


def test_near_prefers_a_zone_where_somebody_has_weight() -> None:
    members = [Instance("todo", "a", zone="x"), Instance("todo", "b", zone="x", weight=0), Instance("todo", "c")]
    candidates = Pool([*members, Instance("todo", "d", zone="y", weight=0)])
    assert [each.id for each in candidates.near("x")] == ["a", "b"]
    for nowhere in ("", "y", "z"):
        assert candidates.near(nowhere) is candidates


def test_near_is_prepared_once() -> None:
    candidates = zoned(a="x", b="y")
    assert candidates.near("x") is candidates.near("x")
    assert zoned(a="x", b="x").near("x").zone == "", "the zone of all is no part"


def test_without_leaves_out_and_is_the_pool_itself_where_nothing_changes() -> None:
    candidates = named("abc")
    assert [each.id for each in candidates.without({"b", "z"})] == ["a", "c"]
    assert candidates.without(["z"]) is candidates.without(()) is candidates
    assert not candidates.without("abc")
    assert candidates.without({"a"}) is candidates.without(["a", "a", "z"])
    assert [each.id for each in candidates.without({"c"})] == ["a", "b"]


@given(st.dictionaries(ids, st.sampled_from(["", "x", "y"])), st.sets(ids), st.sampled_from(["", "x", "y", "z"]))
@settings(deadline=None)
def test_parts_of_a_pool_are_what_a_filter_gives(zones: dict[str, str], gone: set[str], zone: str) -> None:
    left = sorted(zones.keys() - gone)
    there = [name for name in left if zone and zones[name] == zone]
    assert [each.id for each in zoned(**zones).without(gone).near(zone)] == (there or left)


class Weighed(Instance):
    """An instance that counts how often it is weighed."""

    weighed: ClassVar[Counter[str]] = Counter()

    @property
    def effective_weight(self) -> float:
        self.weighed[self.id] += 1
        return super().effective_weight


class Compared(str):
    """An id that counts how often it is compared."""

    __slots__ = ()
    times: ClassVar[list[int]] = [0]

    def __lt__(self, other: str) -> bool:
        self.times[0] += 1
        return super().__lt__(other)


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_a_choice_of_five_thousand_neither_sorts_nor_weighs_them_again(strategy: str) -> None:
    Weighed.weighed.clear()
    numbers = random.Random(1).sample(range(5000), 5000)
    candidates, chooser = Pool(Weighed("todo", Compared(f"todo-{number:04}")) for number in numbers), Balancers()
    chooser.choose("todo", strategy, candidates, idle)
    weighed, Compared.times[0] = Counter(Weighed.weighed), 0
    chosen = {chooser.choose("todo", strategy, candidates, idle).id for _ in range(100)}
    assert len(chosen) > 90
    assert Compared.times[0] <= 100 * math.log2(5000 * 2)
    assert Weighed.weighed == weighed
