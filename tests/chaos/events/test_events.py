"""What became of every event while publishers, Events, subscribers and the broker died and stood still."""

from tests.chaos.events.conftest import CHANGES, SECONDS
from tests.chaos.events.plan import plan


def test_every_committed_event_took_effect_once_and_in_order_at_every_subscriber(events_report):
    assert events_report.verdict.is_clean, str(events_report.verdict)


def test_the_system_came_to_rest(events_report):
    """The outbox is empty, each delivery is acknowledged."""
    assert events_report.unsettled == {}


def test_there_were_as_many_changes_as_wanted(events_report):
    assert events_report.published >= CHANGES


def test_everything_planned_was_done(events_report):
    assert events_report.faults == []
    assert events_report.deaths > 0


def test_a_seed_makes_one_plan():
    assert plan("a", SECONDS) == plan("a", SECONDS) != plan("b", SECONDS)
