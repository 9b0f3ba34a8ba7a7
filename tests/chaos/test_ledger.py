"""The ledger notices what is wrong: a judge that cannot condemn proves nothing."""

import pytest

from tests.chaos.ledger import DOUBTFUL, Ledger

MILK = {"id": "1", "version": 1, "title": "Milk", "status": "open", "completed_at": None, "updated_at": "a"}
CREAM = MILK | {"version": 2, "title": "Cream", "updated_at": "b"}
TWIN = MILK | {"id": "2"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(clock):
    """A ledger that knows one task."""
    ledger = Ledger(clock)
    assert ledger.created(MILK) == []
    return ledger


def test_what_was_answered_is_found(ledger):
    assert ledger.listed([MILK]) == []
    assert ledger.counts == {"open": 1, "done": 0}


def test_a_lost_task_is_noticed(ledger):
    assert "lost" in ledger.listed([])[0]


def test_a_lost_change_is_noticed(ledger):
    assert ledger.written("1", {"title": "Cream"}, CREAM) == []
    assert "not as it was answered" in ledger.listed([MILK])[0]


def test_a_change_that_happens_twice_is_noticed(ledger):
    assert "version" in ledger.written("1", {"title": "Cream"}, CREAM | {"version": 3})[0]


def test_a_change_of_something_else_is_noticed(ledger):
    assert "status" in ledger.written("1", {"title": "Cream"}, CREAM | {"status": "done"})[0]


def test_a_creation_that_happens_twice_is_noticed(ledger):
    assert "2 tasks" in ledger.listed([MILK, TWIN])[0]


def test_a_task_that_is_listed_twice_is_noticed(ledger):
    assert ledger.listed([MILK, MILK]) == ["the list names a task twice"]


def test_a_task_of_nobody_is_noticed(ledger):
    assert "nobody" in ledger.listed([MILK, TWIN | {"title": "Beer"}])[0]


def test_a_deleted_task_that_comes_back_is_noticed(ledger):
    ledger.deleted("1")
    assert "is back" in ledger.listed([MILK])[0]


def test_a_refused_creation_that_happens_is_noticed(ledger):
    ledger.never.add("Beer")
    assert "refused" in ledger.listed([MILK, TWIN | {"title": "Beer"}])[0]


def test_a_creation_in_doubt_may_have_happened_once(ledger):
    ledger.doubt_creation("Beer")
    beer = TWIN | {"title": "Beer"}
    assert ledger.listed([MILK, beer]) == []
    assert ledger.is_certain
    assert ledger.listed([MILK, beer]) == []
    assert "2 tasks" in ledger.listed([MILK, beer, beer | {"id": "3"}])[0]


def test_a_creation_in_doubt_that_did_not_happen_in_time_may_not_happen_later(ledger, clock):
    ledger.doubt_creation("Beer")
    assert ledger.listed([MILK]) == []
    assert not ledger.is_certain
    clock.now = DOUBTFUL + 1
    assert ledger.listed([MILK]) == []
    assert ledger.is_certain
    assert "refused" in ledger.listed([MILK, TWIN | {"title": "Beer"}])[0]


def test_a_creation_that_is_repeated_until_it_is_answered_makes_one_task(ledger, clock):
    ledger.doubt_creation("Beer", for_ever=True)
    beer = TWIN | {"title": "Beer"}
    clock.now = DOUBTFUL + 1
    assert ledger.listed([MILK, beer]) == []
    assert not ledger.is_certain
    assert ledger.created(beer) == []
    assert ledger.is_certain


def test_an_answer_to_a_repeated_creation_with_another_task_is_noticed(ledger):
    ledger.doubt_creation("Beer", for_ever=True)
    assert ledger.listed([MILK, TWIN | {"title": "Beer"}]) == []
    assert "2 tasks" in ledger.created(TWIN | {"id": "3", "title": "Beer"})[0]


def test_of_a_change_in_doubt_both_states_are_right_until_the_later_one_was_seen(ledger):
    ledger.doubt("1", {"title": "Cream"})
    assert ledger.certain == []
    assert ledger.listed([MILK]) == []
    assert ledger.listed([CREAM]) == []
    assert ledger.certain == ["1"]
    assert "not as it was answered" in ledger.listed([MILK])[0]


def test_a_change_in_doubt_that_did_not_happen_in_time_may_not_happen_later(ledger, clock):
    ledger.doubt("1", {"title": "Cream"})
    clock.now = DOUBTFUL + 1
    assert ledger.listed([MILK]) == []
    assert ledger.certain == ["1"]
    assert "not as it was answered" in ledger.listed([CREAM])[0]


def test_a_deletion_in_doubt_may_have_happened(ledger):
    ledger.doubt("1", None)
    assert ledger.listed([MILK]) == []
    assert ledger.listed([]) == []
    assert "is back" in ledger.listed([MILK])[0]
