"""Ranks keep their order wherever something is put."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_svc.todos import ranks


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=120))
def test_whatever_is_inserted_anywhere_stays_in_byte_order(places: list[int]) -> None:
    made: list[str] = []
    for place in places:
        index = place % (len(made) + 1)
        low = made[index - 1] if index else None
        high = made[index] if index < len(made) else None
        made.insert(index, ranks.between(low, high))

    assert made == sorted(made)
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("at_the_end", [True, False])
def test_ranks_stay_short_at_the_ends(at_the_end: bool) -> None:
    rank = ranks.between(None, None)
    for _ in range(5000):
        following = ranks.between(rank, None) if at_the_end else ranks.between(None, rank)
        assert (following > rank) is at_the_end
        rank = following

    assert len(rank) <= 4


def test_a_gap_never_closes() -> None:
    low, high = ranks.between(None, None), ranks.between("a0", None)
    for _ in range(300):
        high = ranks.between(low, high)
        assert low < high


@pytest.mark.parametrize(("low", "high"), [("a1", "a0"), ("a0", "a0")])
def test_there_is_nothing_between_things_in_the_wrong_order(low: str, high: str) -> None:
    with pytest.raises(ValueError, match="not below"):
        ranks.between(low, high)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (None, None, "a0"),
        ("a0", None, "a1"),
        ("az", None, "b00"),
        (None, "a0", "Zz"),
        (None, "Z0", "Yzz"),
        ("Zz", None, "a0"),
        ("Yzz", None, "Z0"),
        (None, "b00", "az"),
        (None, "a0V", "a0"),
        ("a0", "a1", "a0V"),
        ("a0", "a2", "a1"),
    ],
)
def test_integers_count_before_fractions_begin(low: str | None, high: str | None, expected: str) -> None:
    assert ranks.between(low, high) == expected


@pytest.mark.parametrize(("low", "high"), [("z" + "z" * 26, None), (None, "A" + "0" * 26)])
def test_the_very_last_ranks_are_told(low: str | None, high: str | None) -> None:
    with pytest.raises(ValueError, match="no more ranks"):
        ranks.between(low, high)
