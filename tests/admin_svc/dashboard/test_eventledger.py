"""Events' answers, as they are and with pieces missing."""

from admin_svc.dashboard.eventledger import events_of_request, ledger, subscriber_of
from admin_svc.dashboard.sources.recording import RecordingSource
from libs.contracts.errors import BadRequest
from tests.admin_svc.scenes import NOW


def test_a_subscriber_is_read_from_its_figures() -> None:
    figures = {
        "service": "todo",
        "patterns": ["auth.user.*"],
        "held": 1,
        "pending": 2,
        "sent": 3,
        "dead": 1,
        "oldest_unacknowledged_seconds": 3.5,
        "degraded": False,
        "seen_at": NOW.isoformat(),
    }
    one = subscriber_of(figures)
    assert (one.name, one.patterns, one.waiting, one.dead) == ("todo", ("auth.user.*",), 6, 1)
    assert (one.oldest_seconds, one.tone, one.seen_at) == (3.5, "warn", NOW)


def test_a_subscriber_without_figures_waits_for_nothing() -> None:
    one = subscriber_of({"service": "auth"})
    assert (one.waiting, one.oldest_seconds, one.tone) == (0, None, "good")


def test_a_subscriber_that_lags_is_bad() -> None:
    assert subscriber_of({"service": "auth", "degraded": True}).tone == "bad"


def test_a_delivery_shows_its_event_and_its_last_move(platform: RecordingSource) -> None:
    item = {"id": 7, "status": "sent", "event": {"type": "auth.user.registered"}, "sent_at": NOW.isoformat()}
    platform.answer("GET", "events", "/v1/deliveries", {"items": [item]})
    [one] = ledger(status="").deliveries
    assert (one.id, one.type, one.at, one.tone) == ("7", "auth.user.registered", NOW, "warn")


def test_a_failure_leaves_an_empty_page_with_its_reason(platform: RecordingSource) -> None:
    platform.answer("GET", "events", "/v1/events", BadRequest("no"))
    assert ledger(status="").failure == "no"


def test_an_unknown_status_is_no_filter(platform: RecordingSource) -> None:
    ledger(status="sleepy")
    assert "status" not in platform.called("GET", "events", "/v1/deliveries")[0]


def test_the_events_of_a_request_are_asked_by_its_id(platform: RecordingSource) -> None:
    platform.answer("GET", "events", "/v1/events", {"items": [{"id": "e1"}]})
    assert [event["id"] for event in events_of_request("req-1")] == ["e1"]
    assert platform.called("GET", "events", "/v1/events")[0]["request_id"] == "req-1"


def test_without_events_a_request_has_none(platform: RecordingSource) -> None:
    platform.answer("GET", "events", "/v1/events", BadRequest("no"))
    assert events_of_request("req-1") == []
