"""System checks."""

from collections.abc import Iterator

import pytest

from todo_svc.todos import due
from todo_svc.todos.checks import time_zones_are_known


@pytest.fixture
def no_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(due, "available_timezones", set)
    due.zones.cache_clear()
    yield
    due.zones.cache_clear()


def test_this_machine_knows_time_zones() -> None:
    assert time_zones_are_known(None) == []


@pytest.mark.usefixtures("no_zones")
def test_a_machine_without_time_zones_is_told_what_to_install() -> None:
    assert "tzdata" in time_zones_are_known(None)[0].msg
