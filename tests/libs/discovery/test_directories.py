"""Picking from snapshots."""

import pytest

from libs.discovery import Instance, NoInstance, Snapshots, directories

ONE, TWO = Instance("todo", "todo-1"), Instance("todo", "todo-2")
DOWN = Instance("todo", "todo-3", state="down")


def filled(*items: Instance) -> Snapshots:
    known = Snapshots()
    known.update("todo", items)
    return known


def picked(known: Snapshots, count: int = 50, **options: object) -> set[str]:
    return {known.pick("todo", **options).id for _ in range(count)}  # type: ignore[arg-type]


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


def test_an_unreachable_instance_is_avoided_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "AVOID_SECONDS", 0.05)
    known = filled(ONE, TWO)
    known.begin(ONE)
    known.end(ONE, ok=False)
    assert picked(known) == {"todo-2"}
    deadline = directories.time.monotonic() + 5
    while directories.time.monotonic() < deadline and picked(known) != {"todo-1", "todo-2"}:
        continue
    assert picked(known) == {"todo-1", "todo-2"}


def test_an_unreachable_instance_is_better_than_none() -> None:
    known = filled(ONE)
    known.begin(ONE)
    known.end(ONE, ok=False)
    assert known.pick("todo") == ONE


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
    assert Snapshots().age() == float("inf")
    assert filled(ONE).age() < 5
