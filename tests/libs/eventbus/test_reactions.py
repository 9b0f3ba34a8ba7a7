"""Which reaction an event finds."""

import pytest

from libs.eventbus.reactions import best, find, matches, table, versions, versions_of


def one(_: object) -> None:
    """One reaction."""


def other(_: object) -> None:
    """Another."""


@pytest.mark.parametrize(
    ("event_type", "found"),
    [("auth.user.registered", one), ("auth.user.deleted", other), ("auth.key.rotated", None), ("todo.x", None)],
)
def test_the_exact_entry_wins_over_a_pattern(event_type: str, found: object) -> None:
    assert find({"auth.user.*": other, "auth.user.registered": one}, event_type) is found


def test_the_longest_pattern_wins() -> None:
    assert find({"auth.*": one, "auth.user.*": other}, "auth.user.deleted") is other


def test_a_star_stands_for_anything() -> None:
    assert matches("*", "auth.user.registered")
    assert matches("auth.*", "auth.user.registered")
    assert not matches("auth.*", "authority.user")
    assert best(["todo.*", "auth.*"], "auth.x") == "auth.*"
    assert best(["todo.*"], "auth.x") is None


def test_a_reaction_understands_version_1_unless_it_says_otherwise() -> None:
    assert versions_of(one) == (1,)
    assert versions_of(versions(1, 2)(lambda _: None)) == (1, 2)


def test_a_service_without_reactions_has_an_empty_table() -> None:
    assert table() == {}
