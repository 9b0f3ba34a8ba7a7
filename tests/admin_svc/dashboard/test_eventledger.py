"""Events' answers, as they are and with pieces missing."""

from admin_svc.dashboard.eventledger import events_of_request, ledger, subscribers
from admin_svc.dashboard.sources.recording import RecordingSource
from libs.contracts.errors import BadRequest
from tests.admin_svc.scenes import NOW


def test_subscribers_are_joined_with_their_figures() -> None:
    subscriptions = [{"subscriber": "todo", "pattern": "b"}, {"subscriber": "todo", "pattern": "a"}]
    figures = {"subscribers": [{"subscriber": "todo", "depth": 2, "dead": 1, "oldest_seconds": 3.0}]}
    [one] = subscribers(subscriptions, figures)
    assert (one.name, one.patterns, one.depth, one.dead, one.tone) == ("todo", ("a", "b"), 2, 1, "warn")


def test_a_subscriber_without_figures_is_shown_all_the_same() -> None:
    assert [one.depth for one in subscribers([{"subscriber": "auth", "pattern": "x"}], {})] == [0]


def test_a_failure_leaves_an_empty_page_with_its_reason(platform: RecordingSource) -> None:
    platform.answer("GET", "events", "/v1/events", BadRequest("no"))
    assert ledger(status="").failure == "no"


def test_an_unknown_status_is_no_filter(platform: RecordingSource) -> None:
    ledger(status="sleepy")
    assert "status" not in platform.called("GET", "events", "/v1/deliveries")[0]


def test_the_events_of_a_request_are_found_among_the_recent(platform: RecordingSource) -> None:
    events = [{"id": "e1", "request_id": "req-1"}, {"id": "e2", "request_id": "req-2"}]
    platform.answer("GET", "events", "/v1/events", {"items": events})
    assert [event["id"] for event in events_of_request("req-1", since=NOW)] == ["e1"]


def test_without_events_a_request_has_none(platform: RecordingSource) -> None:
    platform.answer("GET", "events", "/v1/events", BadRequest("no"))
    assert events_of_request("req-1") == []
