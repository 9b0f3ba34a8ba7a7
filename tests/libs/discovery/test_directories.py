"""Picking from snapshots."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.discovery import Instance, NoInstance, Snapshots
from libs.discovery.directories import AVOID_SECONDS
from libs.discovery.model import State

ONE, TWO = Instance("todo", "todo-1"), Instance("todo", "todo-2")
DOWN = Instance("todo", "todo-3", state="down")
HERE, THERE = Instance("todo", "here", zone="x"), Instance("todo", "there", zone="y")

states = st.sampled_from(["up", "down", "draining"])
instances = st.builds(
    Instance, st.just("todo"), st.sampled_from("abcdef"), st.sampled_from(["old", "new"]), state=states
)
changes = st.tuples(
    st.lists(instances, max_size=3, unique_by=lambda each: each.id), st.sets(st.sampled_from("abcdef")), st.booleans()
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def filled(*items: Instance) -> Snapshots:
    known = Snapshots()
    known.update("todo", items)
    return known


def picked(known: Snapshots, count: int = 50, **options: object) -> set[str]:
    return {known.pick("todo", **options).id for _ in range(count)}  # type: ignore[arg-type]


def slowly(*items: Instance) -> tuple[Snapshots, Clock]:
    clock = Clock()
    known = Snapshots(slow_start=20.0, clock=clock)
    known.update("todo", items)
    return known, clock


def shares(known: Snapshots) -> dict[str, int]:
    """The weights of now, as the strategies see them."""
    weights = known._up["todo"].shares().weights if known._up["todo"] else ()
    return {each.id: round(weight) for each, weight in zip(known._up["todo"], weights, strict=True)}


def test_only_instances_that_are_up_and_not_excluded_are_picked() -> None:
    known = filled(ONE, TWO, DOWN, Instance("todo", "todo-4", state="draining"))
    assert picked(known) == {"todo-1", "todo-2"}
    assert picked(known, exclude={"todo-1"}) == {"todo-2"}
    assert len(known.instances("todo")) == 4


def test_nobody_to_pick_is_an_error_with_a_code_and_a_time() -> None:
    for known in (filled(), filled(DOWN), Snapshots()):
        with pytest.raises(NoInstance) as raised:
            known.pick("todo")
        assert (raised.value.status, raised.value.code, raised.value.retry_after) == (503, "no_healthy_instance", 1)
    with pytest.raises(NoInstance):
        filled(ONE).pick("todo", exclude={"todo-1"})


def unreachable(known: Snapshots, *those: Instance) -> None:
    for each in those:
        known.begin(each)
        known.end(each, ok=False)


def test_an_unreachable_instance_is_avoided_for_a_moment() -> None:
    clock = Clock()
    known = Snapshots(clock=clock)
    known.update("todo", [ONE, TWO])
    unreachable(known, ONE)
    clock.now += AVOID_SECONDS - 0.01
    assert picked(known) == {"todo-2"}
    clock.now += 0.01
    assert picked(known) == {"todo-1", "todo-2"}


def test_an_unreachable_instance_of_another_type_is_another_one() -> None:
    known = filled(ONE, TWO)
    unreachable(known, Instance("auth", "todo-1"))
    assert picked(known) == {"todo-1", "todo-2"}


def test_an_unreachable_instance_is_better_than_none() -> None:
    known = filled(ONE, TWO)
    unreachable(known, ONE)
    assert picked(known, exclude={"todo-2"}) == {"todo-1"}
    unreachable(known, TWO)
    assert picked(known) == {"todo-1", "todo-2"}


def test_least_load_counts_what_this_process_has_in_flight() -> None:
    known = filled(ONE, TWO)
    known.begin(ONE)
    assert picked(known) == {"todo-2"}
    known.end(ONE, ok=True)
    assert picked(known) == {"todo-1", "todo-2"}


def test_a_degraded_snapshot_adds_and_updates_but_never_removes() -> None:
    known = filled(ONE, TWO)
    known.update("todo", [], degraded=True)
    assert picked(known) == {"todo-1", "todo-2"}
    known.update("todo", [Instance("todo", "todo-2", state="down"), Instance("todo", "todo-9")], degraded=True)
    assert picked(known) == {"todo-1", "todo-9"}
    known.update("todo", [TWO])
    assert picked(known) == {"todo-2"}


def test_listeners_hear_of_changes_only_and_a_failing_one_harms_nobody() -> None:
    known, heard = Snapshots(), []
    known.on_change(lambda service: 1 / 0)
    known.on_change(heard.append)
    for _ in range(2):
        known.update("todo", [ONE])
    known.update("todo", [])
    assert heard == ["todo", "todo"]


def test_all_types_are_listed_those_without_instances_too() -> None:
    known = filled(ONE)
    known.update("auth", [])
    assert known.services() == {"todo": (ONE,), "auth": ()}


def test_age_counts_from_the_last_contact() -> None:
    clock = Clock()
    known = Snapshots(clock=clock)
    assert known.age() == float("inf")
    for contact in (lambda: known.update("todo", []), lambda: known.apply("todo", [], [], degraded=False), known.touch):
        contact()
        clock.now += 5
        assert known.age() == 5


def test_the_own_zone_is_preferred_where_somebody_can_be_reached_there() -> None:
    known = Snapshots("x")
    known.update("todo", [HERE, THERE, dataclasses.replace(HERE, id="full", weight=0)])
    assert picked(known) == {"here"}
    assert picked(known, exclude={"here"}) == {"there"}
    unreachable(known, HERE)
    assert picked(known) == {"there"}
    assert picked(known, exclude={"there", "full"}) == {"here"}
    unreachable(known, THERE, dataclasses.replace(HERE, id="full"))
    assert picked(known) == {"here"}, "nobody can be reached: the zone counts again"


def test_a_caller_may_ask_for_another_zone_or_for_none() -> None:
    known = Snapshots("x")
    known.update("todo", [HERE, THERE])
    assert picked(known, zone="y") == {"there"}
    assert picked(known, zone="") == picked(known, zone="z") == {"here", "there"}


def test_without_a_zone_all_are_near() -> None:
    assert picked(filled(HERE, THERE)) == {"here", "there"}


def test_those_of_the_first_snapshot_are_warm_and_a_later_one_starts_slowly() -> None:
    known, clock = slowly(ONE)
    known.update("todo", [ONE, TWO])
    assert shares(known) == {"todo-1": 100, "todo-2": 10}
    clock.now += 10
    assert shares(known) == {"todo-1": 100, "todo-2": 55}
    clock.now += 10
    assert shares(known) == {"todo-1": 100, "todo-2": 100}


def test_a_snapshot_later_changes_nothing_of_a_slow_start_that_began() -> None:
    known, clock = slowly(ONE)
    known.update("todo", [ONE, TWO])
    clock.now += 10
    known.update("todo", [ONE, dataclasses.replace(TWO, version="2"), DOWN])
    known.apply("todo", [dataclasses.replace(TWO, version="3")], [], degraded=False)
    assert shares(known) == {"todo-1": 100, "todo-2": 55}
    clock.now += 20
    known.update("todo", [ONE, TWO])
    assert known._up["todo"].up_since == {}, "what is over is forgotten"


@pytest.mark.parametrize("away", ["down", "draining", "maintenance", "starting"])
def test_slow_start_begins_again_with_a_return(away: State) -> None:
    known, clock = slowly(ONE, TWO)
    known.update("todo", [ONE, dataclasses.replace(TWO, state=away)])
    clock.now += 100
    known.update("todo", [ONE, TWO])
    assert shares(known) == {"todo-1": 100, "todo-2": 10}


def test_slow_start_begins_again_with_a_new_incarnation() -> None:
    known, clock = slowly(ONE)
    known.update("todo", [ONE, TWO])
    clock.now += 10
    known.apply("todo", [dataclasses.replace(TWO, incarnation="again")], [], degraded=False)
    assert shares(known) == {"todo-1": 100, "todo-2": 10}


def test_who_comes_before_the_first_complete_snapshot_is_warm() -> None:
    clock = Clock()
    known = Snapshots(slow_start=20.0, clock=clock)
    known.update("todo", [ONE], degraded=True)
    known.update("todo", [TWO], degraded=True)
    known.update("todo", [ONE, TWO, HERE])
    assert shares(known) == {"todo-1": 100, "todo-2": 100, "here": 100}
    known.apply("todo", [THERE], [], degraded=True)
    assert shares(known)["there"] == 10


def test_without_slow_start_a_new_one_has_its_whole_weight_at_once() -> None:
    known = filled(ONE)
    known.update("todo", [ONE, TWO])
    assert shares(known) == {"todo-1": 100, "todo-2": 100}


def test_changes_replace_add_and_remove_and_the_others_keep_their_places() -> None:
    known = filled(HERE, ONE, THERE, TWO)
    newer = dataclasses.replace(ONE, version="2")
    known.apply("todo", [DOWN, newer], ["there", "unknown"], degraded=False)
    assert known.instances("todo") == (HERE, newer, TWO, DOWN)


def test_degraded_changes_never_remove() -> None:
    known = filled(ONE, TWO)
    known.apply("todo", [DOWN], ["todo-1"], degraded=True)
    assert known.instances("todo") == (ONE, TWO, DOWN)


def test_one_that_is_changed_and_removed_at_once_stays() -> None:
    known = filled(ONE, TWO)
    newer = dataclasses.replace(ONE, incarnation="again")
    known.apply("todo", [newer], ["todo-1"], degraded=False)
    assert known.instances("todo") == (newer, TWO)


def test_listeners_hear_of_what_changes_by_changes_only() -> None:
    known, heard = filled(ONE), []
    known.on_change(heard.append)
    known.apply("todo", [ONE], ["unknown"], degraded=False)
    known.apply("todo", [], ["todo-1"], degraded=True)
    assert heard == []
    known.apply("todo", [TWO], [], degraded=False)
    known.apply("todo", [], ["todo-1"], degraded=False)
    known.apply("auth", [], [], degraded=False)
    assert heard == ["todo", "todo", "auth"]


@given(st.lists(changes, max_size=12))
@settings(deadline=None)
def test_changes_come_to_the_same_as_snapshots(sequence: list[tuple[list[Instance], set[str], bool]]) -> None:
    clock = Clock()
    by_changes, by_snapshots = (Snapshots(slow_start=20.0, clock=clock) for _ in range(2))
    heard: list[str] = []
    for known, name in ((by_changes, "changes"), (by_snapshots, "snapshots")):
        known.on_change(lambda service, name=name: heard.append(name))  # type: ignore[misc]
    truth: dict[str, Instance] = {}
    for changed, removed, degraded in sequence:
        clock.now += 5
        truth |= {each.id: each for each in changed}
        if not degraded:
            truth = {name: each for name, each in truth.items() if name not in removed - {one.id for one in changed}}
        by_changes.apply("todo", changed, removed, degraded=degraded)
        by_snapshots.update("todo", [*truth.values()], degraded=degraded)
        assert by_changes.instances("todo") == by_snapshots.instances("todo") == tuple(truth.values())
        assert shares(by_changes) == shares(by_snapshots)
        assert by_changes._up["todo"].up_since == by_snapshots._up["todo"].up_since
    assert heard.count("changes") == heard.count("snapshots")


def test_a_picked_instance_is_the_newest_of_its_id() -> None:
    known = filled(ONE)
    newer = dataclasses.replace(ONE, grpc_address="127.0.0.1:2")
    known.apply("todo", [newer], [], degraded=False)
    assert known.pick("todo") is newer
