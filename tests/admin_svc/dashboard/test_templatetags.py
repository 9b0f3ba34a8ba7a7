"""How figures and times are written."""

import pytest

from admin_svc.dashboard.templatetags.dashboard import (
    age,
    clock,
    compact,
    milliseconds,
    percent,
    span,
    tone_of_level,
    tone_of_state,
)
from tests.admin_svc.scenes import NOW


def test_an_age_carries_its_time_for_the_browser_to_count_on() -> None:
    assert 'datetime="2026-11-23T12:00:00+00:00"' in age(NOW)
    assert age(None) == "—"


def test_a_clock_shows_milliseconds() -> None:
    assert clock(NOW.replace(microsecond=7_000)) == "12:00:00.007"
    assert clock(None) == "—"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "—"), (3.2, "3 s"), (90, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_a_span_has_its_largest_unit(seconds: float | None, shown: str) -> None:
    assert span(seconds) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "—"), (1.44, "1.4 ms"), (88.8, "89 ms")])
def test_short_times_have_a_decimal(value: float | None, shown: str) -> None:
    assert milliseconds(value) == shown


@pytest.mark.parametrize(("share", "shown"), [(0.0, "0 %"), (0.125, "12 %"), (2.5, "250 %")])
def test_a_share_is_a_percentage(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_states_and_levels_have_colours() -> None:
    assert [tone_of_state(state) for state in ("up", "down", "gone", "draining")] == ["good", "bad", "mute", "warn"]
    assert [tone_of_level(level) for level in ("error", "warning", "info")] == ["bad", "warn", "mute"]


def test_values_that_are_no_text_are_shown_as_json() -> None:
    assert [compact(value) for value in ("plain", {"to": None}, NOW)] == [
        "plain",
        '{"to": null}',
        '"2026-11-23 12:00:00+00:00"',
    ]
