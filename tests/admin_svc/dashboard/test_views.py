"""The pages, as a browser without scripts sees them."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from admin_svc.dashboard.instances import Load
from admin_svc.dashboard.models import AuditEntry
from admin_svc.dashboard.services import transitions_observe
from admin_svc.dashboard.sources.recording import RecordingSource
from libs.contracts.errors import Conflict, Unavailable
from libs.contracts.names import SERVICES
from tests.admin_svc.scenes import NOW, a_record, an_instance, play

pytestmark = pytest.mark.django_db

DRAIN = "/v1/services/todo/instances/todo-1/drain"


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def words(client: Client, path: str) -> str:
    """Give a page's text as it is read: without tags, with single blanks."""
    return " ".join(re.sub("<[^>]*>", " ", text(client, path)).split())


def test_the_overview_shows_all_services_and_instances(page: Client) -> None:
    html = text(page, "/admin/services/")
    assert "7 of 7 services healthy" in html
    for service in SERVICES:
        assert f'data-instance="{service}-1"' in html


def test_an_instance_with_errors_links_to_its_error_records(page: Client, platform: RecordingSource) -> None:
    platform.answer("GET", "logger", "/v1/logs", {"items": [a_record(level="error")]})
    html = text(page, "/admin/services/")
    assert "/admin/logs/?service=todo&amp;instance=todo-1&amp;level=error&amp;since=15m" in html


def test_the_overview_survives_a_registry_that_is_away(page: Client, platform: RecordingSource) -> None:
    platform.answer("GET", "registry", "/v1/services", Unavailable("no registry answers"))
    assert "The Registry can&#x27;t be reached" in text(page, "/admin/services/")


def test_a_guarded_service_is_tagged(page: Client, platform: RecordingSource) -> None:
    play(platform, guards={"todo": ["mass_loss"]})
    html = text(page, "/admin/services/")
    assert ">mass loss</span>" in html[html.index('data-service="todo"') : html.index('data-instance="todo-1"')]


@pytest.mark.parametrize("path", ["/admin/services/", "/admin/services/todo/todo-1/"])
def test_a_damped_instance_says_why_it_is_held_down(page: Client, platform: RecordingSource, path: str) -> None:
    assert ">damped<" not in text(page, path)
    play(platform, an_instance("todo", state="down", damped=True))
    assert 'the Registry holds it down for a while.">damped</span>' in text(page, path)


def test_the_overview_shows_load_briefly(page: Client, platform: RecordingSource) -> None:
    play(platform, an_instance("auth", load=Load(3, 0.5, 4)), an_instance("todo", load=Load(2, 0.07, 0)))
    shown = words(page, "/admin/services/")
    assert "3 in flight 50 % CPU 4 waiting http" in shown
    assert "2 in flight 7 % CPU http" in shown


def test_an_instances_page_spells_its_load_out(page: Client, platform: RecordingSource) -> None:
    play(platform, an_instance("todo", load=Load(3, 1.5, 0)))
    shown = words(page, "/admin/services/todo/todo-1/")
    assert "Load 3 in flight, CPU 150 % of one core, 0 waiting for a thread Weight" in shown


@pytest.mark.parametrize(
    ("path", "row"),
    [("/admin/services/", "3 in flight http"), ("/admin/services/todo/todo-1/", "Load 3 in flight Weight")],
)
def test_a_load_that_is_not_told_is_left_out(page: Client, platform: RecordingSource, path: str, row: str) -> None:
    play(platform, an_instance("todo", load=Load(3)))
    assert row in words(page, path)


def test_the_partial_is_a_part_of_the_page(page: Client) -> None:
    html = text(page, "/admin/services/partial/")
    assert "<html" not in html
    assert 'data-instance="todo-1"' in html


def test_an_instances_page_shows_its_history_even_when_it_is_gone(page: Client, platform: RecordingSource) -> None:
    transitions_observe(instances=[an_instance("todo", 7)], complete=True)
    html = text(page, "/admin/services/todo/todo-7/")
    assert "not registered any more" in html
    assert ">up<" in html


def test_an_unknown_instance_is_not_found(page: Client) -> None:
    assert page.get("/admin/services/todo/todo-99/").status_code == 404


def test_draining_asks_the_registry_and_is_audited(page: Client, platform: RecordingSource) -> None:
    platform.answer("POST", "registry", DRAIN, None)
    answer = page.post("/admin/services/todo/todo-1/drain/", {"next": "/admin/services/"}, follow=True)
    assert "todo-1 is draining" in answer.content.decode()
    assert AuditEntry.objects.get().verb == "drain"


def test_a_refused_action_says_why(page: Client, platform: RecordingSource) -> None:
    platform.answer("POST", "registry", DRAIN, Conflict("it is going down already"))
    answer = page.post("/admin/services/todo/todo-1/drain/", follow=True)
    assert "it is going down already" in answer.content.decode()


def test_an_action_never_redirects_to_another_site(page: Client, platform: RecordingSource) -> None:
    platform.answer("POST", "registry", DRAIN, None)
    answer = page.post("/admin/services/todo/todo-1/drain/", {"next": "https://evil.example/"})
    assert answer["Location"] == "/admin/services/"


def test_an_unknown_verb_is_not_found(page: Client) -> None:
    assert page.post("/admin/services/todo/todo-1/explode/").status_code == 404


def test_actions_need_a_post(page: Client) -> None:
    assert page.get("/admin/services/todo/todo-1/drain/").status_code == 405


def test_staff_without_the_permission_look_but_do_not_act(viewer: User, platform: RecordingSource) -> None:
    client = Client()
    client.force_login(viewer)
    assert "mt-readonly" in text(client, "/admin/services/")
    assert client.post("/admin/services/todo/todo-1/drain/").status_code == 403
    assert platform.called("POST", "registry", DRAIN) == []


def test_the_log_page_offers_the_filter_of_its_address(page: Client) -> None:
    html = text(page, "/admin/logs/?service=todo&level=error&q=locked&since=15m")
    assert "<option selected>todo</option>" in html
    assert "<option selected>error</option>" in html
    assert 'value="locked"' in html
    assert '<option value="todo-1">' in html


def test_records_are_asked_of_logger_with_the_filter(page: Client, platform: RecordingSource) -> None:
    platform.answer("GET", "logger", "/v1/logs", {"items": [a_record()], "next_cursor": "n"})
    answer = page.get("/admin/logs/records/?service=todo&q=a+b&cursor=c&nonsense=1&since=1h")
    assert answer.json() == {"items": [a_record()], "next_cursor": "n"}
    asked = platform.called("GET", "logger", "/v1/logs")[-1]
    assert {name: asked[name] for name in ("service", "q", "cursor", "limit")} == {
        "service": "todo",
        "q": "a b",
        "cursor": "c",
        "limit": 200,
    }
    assert "nonsense" not in asked
    assert "since" in asked


def test_records_tell_why_there_are_none(page: Client, platform: RecordingSource) -> None:
    platform.answer("GET", "logger", "/v1/logs", Unavailable("logger is away"))
    answer = page.get("/admin/logs/records/")
    assert (answer.status_code, answer.json()) == (503, {"detail": "logger is away"})


def test_a_request_is_followed_through_services_in_order_of_time(page: Client, platform: RecordingSource) -> None:
    records = [a_record("answered", 0.2, service="gateway"), a_record("stored", 0.1), a_record("came", 0.0)]
    platform.answer("GET", "logger", "/v1/logs", {"items": records, "next_cursor": None})
    html = text(page, "/admin/timeline/?request_id=req-1")
    assert html.index("came") < html.index("stored") < html.index("answered")
    assert "+100 ms" in html


def test_an_unknown_request_says_so(page: Client) -> None:
    assert "Nothing is known about this request" in text(page, "/admin/timeline/?request_id=nobody")


def test_the_events_page_shows_subscribers_dead_letters_and_events(page: Client, platform: RecordingSource) -> None:
    dead = {
        "id": 41,
        "event": {"type": "auth.user.registered"},
        "subscriber": "todo",
        "status": "dead",
        "error": "boom",
    }
    platform.answer("GET", "events", "/v1/deliveries", {"items": [dead]})
    event = {"id": "e1", "type": "todo.task.created", "source": "todo", "time": NOW.isoformat(), "request_id": "req-1"}
    platform.answer("GET", "events", "/v1/events", {"items": [event]})
    figures = {"service": "todo", "pending": 3, "dead": 1, "oldest_unacknowledged_seconds": 45.0, "degraded": True}
    platform.answer("GET", "events", "/v1/stats", {"subscribers": [figures]})
    html = text(page, "/admin/events/")
    for shown in (
        "degraded",
        "45 s",
        "boom",
        "todo.task.created",
        "request_id=req-1",
        "/deliveries/41/retry/",
        "/41/skip/",
    ):
        assert shown in html


def test_deliveries_are_filtered_by_status(page: Client, platform: RecordingSource) -> None:
    text(page, "/admin/events/?status=pending")
    asked = [given.get("status") for given in platform.called("GET", "events", "/v1/deliveries")]
    assert "pending" in asked


def test_the_events_page_survives_events_being_away(page: Client, platform: RecordingSource) -> None:
    platform.answer("GET", "events", "/v1/stats", Unavailable("events is away"))
    assert "events is away" in text(page, "/admin/events/")


def test_a_dead_delivery_is_retried(page: Client, platform: RecordingSource) -> None:
    platform.answer("POST", "events", "/v1/deliveries/d1/retry", None)
    answer = page.post("/admin/events/deliveries/d1/retry/", follow=True)
    assert "on its way again" in answer.content.decode()
    assert AuditEntry.objects.get().target == "delivery d1"


def test_a_dead_delivery_is_given_up(page: Client, platform: RecordingSource) -> None:
    platform.answer("POST", "events", "/v1/deliveries/d1/skip", None)
    answer = page.post("/admin/events/deliveries/d1/skip/", follow=True)
    assert "The delivery is given up" in answer.content.decode()
    assert AuditEntry.objects.get().verb == "give up"


def test_giving_up_needs_a_post_and_the_permission(page: Client, viewer: User, platform: RecordingSource) -> None:
    assert page.get("/admin/events/deliveries/d1/skip/").status_code == 405
    client = Client()
    client.force_login(viewer)
    assert client.post("/admin/events/deliveries/d1/skip/").status_code == 403
    assert platform.called("POST", "events", "/v1/deliveries/d1/skip") == []


def test_a_replay_is_started_in_utc(page: Client, platform: RecordingSource) -> None:
    platform.answer("POST", "events", "/v1/replays", None)
    page.post("/admin/events/replays/", {"subscriber": "todo", "since": "2026-11-23T10:00"})
    asked = platform.called("POST", "events", "/v1/replays")
    assert asked == [{"subscriber": "todo", "since": "2026-11-23T10:00:00+00:00"}]


def test_a_replay_is_narrowed_and_paced(page: Client, platform: RecordingSource) -> None:
    platform.answer("POST", "events", "/v1/replays", None)
    given = {"type": "todo.task.*", "aggregate_id": "t-1", "until": "2026-11-23T12:00", "per_second": "2.5"}
    answer = page.post(
        "/admin/events/replays/", {"subscriber": "todo", "since": "2026-11-23T10:00", **given}, follow=True
    )
    assert platform.called("POST", "events", "/v1/replays") == [
        {
            "subscriber": "todo",
            "since": "2026-11-23T10:00:00+00:00",
            "until": "2026-11-23T12:00:00+00:00",
            "type": "todo.task.*",
            "aggregate_id": "t-1",
            "per_second": 2.5,
        }
    ]
    assert "until 23 Nov 12:00 UTC go to todo again, 2.5 a second." in answer.content.decode()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"until": "2026-11-23T10:00"}, "until: It is not after since."),
        ({"per_second": "-1"}, "per_second: Ensure this value is greater than or equal to 0."),
        ({"per_second": "1001"}, "per_second: Ensure this value is less than or equal to 1000."),
    ],
)
def test_a_replay_that_makes_no_sense_is_refused(
    page: Client, platform: RecordingSource, given: dict[str, str], text: str
) -> None:
    answer = page.post(
        "/admin/events/replays/", {"subscriber": "todo", "since": "2026-11-23T10:00", **given}, follow=True
    )
    assert text in answer.content.decode()
    assert platform.called("POST", "events", "/v1/replays") == []


def test_a_replay_without_a_start_is_refused(page: Client, platform: RecordingSource) -> None:
    answer = page.post("/admin/events/replays/", {"subscriber": "todo"}, follow=True)
    assert "since: This field is required" in answer.content.decode()
    assert platform.called("POST", "events", "/v1/replays") == []


def test_the_journal_and_the_audit_are_to_read_only(page: Client) -> None:
    for name in ("transition", "auditentry"):
        assert page.get(f"/admin/dashboard/{name}/").status_code == 200
        assert page.get(f"/admin/dashboard/{name}/add/").status_code == 403


def test_staff_are_managed_in_djangos_admin(page: Client) -> None:
    assert "ada" in text(page, "/admin/auth/user/")
    assert page.get("/admin/auth/user/add/").status_code == 200


def test_the_admins_index_is_the_overview(page: Client) -> None:
    assert page.get("/admin/")["Location"] == "/admin/services/"
