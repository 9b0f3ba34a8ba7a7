"""The checker finds what is wrong: one effect removed, doubled, swapped, altered or made up, at one place."""

import json
from dataclasses import replace

import pytest

from tests.chaos.events.checker import Effect, Fact, judge


def fact(aggregate, sequence):
    body = json.dumps({"version": sequence})
    return Fact(f"{aggregate}-{sequence}", "todo.task.updated", aggregate, sequence, body)


PUBLISHED = [fact(aggregate, sequence) for sequence in (1, 2, 3) for aggregate in ("a", "b")]


def effects_of(facts):
    return [Effect(position, each, each.sequence - 1) for position, each in enumerate(facts, start=1)]


def verdict(*, published=PUBLISHED, told=(("a", 3), ("b", 1)), log=PUBLISHED, applied=None):
    found = {"auth": effects_of(PUBLISHED), "logger": effects_of(PUBLISHED) if applied is None else applied}
    return judge(published, told, log, found)


def faults(**case):
    return {kind: len(found) for kind, found in verdict(**case).faults.items() if found}


def test_what_is_whole_has_no_fault():
    assert verdict().is_clean
    assert str(verdict()) == "lost 0, twice 0, out of order 0, altered 0, invented 0"


def test_a_removed_effect_is_lost_and_leaves_a_gap():
    assert faults(applied=effects_of(PUBLISHED[:2] + PUBLISHED[3:])) == {"lost": 1, "out of order": 1}


def test_the_last_effect_removed_is_lost():
    found = verdict(applied=effects_of(PUBLISHED[:-1]))
    assert found.faults["lost"] == [f"logger: {PUBLISHED[-1]}"]


def test_a_doubled_effect_is_applied_twice_and_out_of_order():
    assert faults(applied=effects_of([*PUBLISHED, PUBLISHED[0]])) == {"twice": 1, "out of order": 1}


def test_swapped_effects_are_out_of_order():
    one, two = effects_of(PUBLISHED)[0], effects_of(PUBLISHED)[2]
    swapped = [replace(one, position=two.position), replace(two, position=one.position), *effects_of(PUBLISHED)[3:]]
    assert faults(applied=[*swapped, effects_of(PUBLISHED)[1]])["out of order"] >= 2


def test_effects_at_the_same_time_are_out_of_order():
    """Their positions are right, but the second one's reaction did not see the first one's effect."""
    applied = effects_of(PUBLISHED)
    applied[2] = replace(applied[2], seen=0)
    assert faults(applied=applied) == {"out of order": 1}


def test_an_altered_effect_is_found():
    altered = [replace(PUBLISHED[0], body='{"version": 7}'), *PUBLISHED[1:]]
    assert faults(applied=effects_of(altered)) == {"altered": 1}


def test_an_effect_of_nothing_is_invented():
    assert faults(applied=effects_of([*PUBLISHED, fact("c", 1)])) == {"invented": 1}


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (PUBLISHED[1:], {"lost": 1}),
        ([*PUBLISHED, PUBLISHED[0]], {"twice": 1}),
        ([*PUBLISHED, fact("c", 1)], {"invented": 1}),
    ],
)
def test_the_event_log_is_compared(log, found):
    assert faults(log=log) == found


def test_a_change_that_a_client_was_told_of_and_that_has_no_event_is_lost():
    assert faults(told=[("a", 4)]) == {"lost": 1}


def test_a_gap_between_the_sequences_of_the_outbox_is_found():
    rest = [each for each in PUBLISHED if each.id != "a-2"]
    assert faults(published=rest, log=rest, applied=[])["out of order"] >= 1
