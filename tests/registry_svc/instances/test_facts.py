"""What is told of a change of a row."""

import dataclasses

import pytest
from django.utils import timezone

from registry_svc.instances.facts import Standing, fact
from registry_svc.instances.models import StoredInstance

OLD, NEW = "01890000-0000-7000-8000-000000000001", "01890000-0000-7000-8000-000000000002"
NOBODY = Standing("", "")


def row(state: str, incarnation: str = OLD) -> StoredInstance:
    """Make a row whose instance is in a state; `gone` is a tombstone."""
    down, gone = state == "down", timezone.now() if state == "gone" else None
    desired = "up" if state in ("down", "gone") else state
    return StoredInstance(
        type="todo", instance_id="todo-1", incarnation=incarnation, desired=desired, down=down, gone_at=gone
    )


def told(before: Standing, after: StoredInstance) -> str | None:
    event = fact(after, before, "a test")
    return event.type.rpartition(".")[2] if event else None


@pytest.mark.parametrize("state", ["up", "draining", "maintenance", "starting", "down", "gone"])
def test_what_stays_as_it_is_is_not_told(state: str) -> None:
    assert told(Standing.of(row(state)), row(state)) is None


@pytest.mark.parametrize(
    ("state", "event"),
    [("up", "up"), ("draining", "draining"), ("maintenance", "draining"), ("starting", None), ("down", None)],
)
def test_of_a_new_instance_is_told_that_it_is_there(state: str, event: str | None) -> None:
    assert told(NOBODY, row(state)) == event


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        ("starting", "up", "up"),
        ("starting", "down", None),
        ("starting", "gone", None),
        ("up", "draining", "draining"),
        ("up", "maintenance", "draining"),
        ("draining", "maintenance", None),
        ("maintenance", "up", "up"),
        ("up", "down", "down"),
        ("up", "gone", "down"),
        ("draining", "down", "down"),
        ("draining", "gone", "down"),
        ("down", "up", "up"),
        ("down", "draining", "draining"),
        ("down", "gone", None),
        ("gone", "up", "up"),
    ],
)
def test_each_change_that_matters_to_others_is_told(before: str, after: str, event: str | None) -> None:
    assert told(Standing.of(row(before)), row(after)) == event


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [("up", "up", "up"), ("draining", "up", "up"), ("down", "up", "up"), ("up", "starting", "down")],
)
def test_a_new_process_in_the_place_of_another_is_told_as_well(before: str, after: str, event: str) -> None:
    assert told(Standing.of(row(before)), row(after, NEW)) == event


def test_an_event_names_the_instance_its_process_and_the_reason() -> None:
    event = fact(row("up"), NOBODY, "registered")
    assert event
    assert dataclasses.asdict(event) == {
        "service": "todo",
        "instance": "todo-1",
        "incarnation": OLD,
        "reason": "registered",
    }
