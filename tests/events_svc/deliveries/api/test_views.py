"""The HTTP API of Events."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from events_svc.deliveries.models import Delivery
from events_svc.deliveries.services.refusing import event_refuse
from events_svc.deliveries.services.storing import events_take
from libs.eventbus.transports.memory import MemoryTransport
from libs.testing.client import BridgeTestClient
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import answer, dispatched, let_pass, store

pytestmark = pytest.mark.django_db


def subscribe(api: BridgeTestClient, service: str = "todo", **body: object) -> object:
    wanted = {"patterns": ["auth.user.*"], "queue": f"{service}.events", **body}
    return api.as_service(service).post("/v1/subscriptions", json=wanted)


def test_a_service_subscribes_and_sees_its_own_subscriptions(api: BridgeTestClient) -> None:
    answer = subscribe(api)
    assert answer.status_code == 200
    assert [item["pattern"] for item in answer.json()["items"]] == ["auth.user.*"]
    subscribe(api, "auth")
    assert [i["service"] for i in api.as_service("todo").get("/v1/subscriptions").json()["items"]] == ["todo"]
    assert len(api.as_service("admin").get("/v1/subscriptions").json()["items"]) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"queue": "auth.events"},
        {"queue": "todo"},
        {"patterns": ["auth.user.[a-z]"]},
        {"patterns": "auth.user.*"},
        {"versions": {"auth.user.*": [0]}},
        {"versions": {"todo.*": [1]}},
        {"colour": "red"},
    ],
)
def test_a_wrong_subscription_is_refused(api: BridgeTestClient, body: dict[str, object]) -> None:
    assert subscribe(api, **body).status_code == 422
    assert api.as_service("admin").get("/v1/subscriptions").json()["items"] == []


@pytest.mark.parametrize("path", ["/v1/events", "/v1/deliveries", "/v1/stats"])
def test_only_the_dashboard_reads_the_ledger(api: BridgeTestClient, path: str) -> None:
    assert api.as_service("admin").get(path).status_code == 200
    assert api.as_service("todo").get(path).status_code == 403
    assert api.external().get(path).status_code == 401
    assert api.as_user("ann").get(path).status_code == 404


def test_events_are_found_by_type_aggregate_request_and_time(api: BridgeTestClient) -> None:
    store(registered("ann", request_id="r-1"), registered("ben"))
    get = api.as_service("admin").get
    found = get("/v1/events?type=auth.user.*&aggregate_id=ann").json()["items"]
    assert [(item["aggregate_id"], item["data"]["email"]) for item in found] == [("ann", "ann@example.org")]
    assert len(get("/v1/events?request_id=r-1").json()["items"]) == 1
    assert len(get("/v1/events?type=auth.user.registered").json()["items"]) == 2
    assert get("/v1/events?type=todo.*").json()["items"] == []
    assert get("/v1/events?since=2100-01-01T00:00:00Z").json()["items"] == []
    assert get("/v1/events?type=*.user.*").status_code == 400
    assert get("/v1/events?colour=red").status_code == 400


def test_events_come_in_pages_the_newest_first(api: BridgeTestClient) -> None:
    store(*[registered(f"user-{n}") for n in range(3)])
    first = api.as_service("admin").get("/v1/events?limit=2").json()
    second = api.as_service("admin").get(f"/v1/events?limit=2&cursor={first['next_cursor']}").json()
    assert [i["aggregate_id"] for i in first["items"] + second["items"]] == ["user-2", "user-1", "user-0"]
    assert second["next_cursor"] is None


def test_deliveries_show_what_went_wrong(api: BridgeTestClient, bus: MemoryTransport) -> None:
    subscribe(api)
    store(registered())
    dispatched(bus)
    answer(bus, ann="Traceback: broken")
    (item,) = api.as_service("admin").get("/v1/deliveries?status=pending&subscriber=todo").json()["items"]
    assert (item["status"], item["attempts"], item["error"]) == ("pending", 1, "Traceback: broken")
    assert item["event"]["type"] == "auth.user.registered"
    assert api.as_service("admin").get("/v1/deliveries?status=dead").json()["items"] == []
    assert api.as_service("admin").get("/v1/deliveries?status=lost").status_code == 400


def test_the_dashboard_retries_a_dead_delivery(api: BridgeTestClient, bus: MemoryTransport) -> None:
    subscribe(api)
    store(registered())
    Delivery.objects.update(status="dead", attempts=9)
    path = f"/v1/deliveries/{Delivery.objects.get().pk}/retry"
    assert api.as_service("todo").post(path).status_code == 403
    assert api.as_service("admin").post(path).json()["status"] == "pending"
    dispatched(bus)
    assert api.as_service("admin").post(path).json()["code"] == "nothing_to_retry"
    assert api.as_service("admin").post("/v1/deliveries/0/retry").status_code == 404


def test_the_dashboard_gives_a_delivery_up(api: BridgeTestClient, bus: MemoryTransport) -> None:
    subscribe(api, versions={"auth.user.*": [1]})
    store(registered(dataversion=2))
    (item,) = api.as_service("admin").get("/v1/deliveries?status=parked").json()["items"]
    assert item["blocks_until"] > item["queued_at"]
    path = f"/v1/deliveries/{item['id']}/skip"
    assert api.as_service("todo").post(path).status_code == 403
    assert api.as_service("admin").post(path).json()["status"] == "skipped"
    assert api.as_service("admin").post(path).json()["code"] == "nothing_to_skip"


def test_a_service_replays_for_itself_and_the_dashboard_for_all(api: BridgeTestClient, bus: MemoryTransport) -> None:
    subscribe(api)
    store(registered())
    dispatched(bus)
    answer(bus)
    body = {"subscriber": "todo", "since": "2020-01-01T00:00:00Z"}
    assert api.as_service("auth").post("/v1/replays", json=body).status_code == 403
    assert api.as_service("todo").post("/v1/replays", json=body).json() == {"deliveries": 1}
    assert api.as_service("admin").post("/v1/replays", json={**body, "type": "todo.*"}).json() == {"deliveries": 0}
    assert api.as_service("admin").post("/v1/replays", json={**body, "subscriber": "nobody"}).status_code == 404
    paced = {**body, "aggregate_id": "ann", "until": "2100-01-01T00:00:00Z", "per_second": 10}
    assert api.as_service("admin").post("/v1/replays", json=paced).json() == {"deliveries": 1}
    assert api.as_service("admin").get("/v1/stats").json()["replays"][0]["per_second"] == 10
    assert api.as_service("admin").post("/v1/replays", json={**paced, "per_second": -1}).status_code == 422


def test_stats_name_a_subscriber_that_lags(api: BridgeTestClient, todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered())
    before = api.as_service("admin").get("/v1/stats").json()
    assert [(s["service"], s["pending"], s["degraded"]) for s in before["subscribers"]] == [("todo", 1, False)]
    let_pass(31)
    after = api.as_service("admin").get("/v1/stats").json()
    assert after["subscribers"][0]["degraded"] is True
    assert after["oldest_unacknowledged_seconds"] > 30
    Delivery.objects.update(status="acked", done_at=timezone.now())
    assert api.as_service("admin").get("/v1/stats").json()["acked_per_second"] > 0


def test_a_publisher_learns_which_of_its_own_events_are_stored(api: BridgeTestClient) -> None:
    envelope = registered()
    store(envelope)
    body = {"ids": [envelope.id, "0198-unknown"]}
    known = {"stored": [envelope.id], "refused": {}}
    assert api.as_service("auth").post("/internal/v1/events/confirm", json=body).json() == known
    assert api.as_service("todo").post("/internal/v1/events/confirm", json=body).json() == {"stored": [], "refused": {}}
    assert api.as_user("ann").post("/internal/v1/events/confirm", json=body).status_code == 404


def test_a_publisher_learns_which_of_its_own_events_were_refused_and_why(api: BridgeTestClient) -> None:
    bad, mended = registered("bad\ud800"), registered("ben")
    for _ in range(2):
        events_take(source="auth", envelopes=[bad])
    event_refuse(source="auth", event_id=mended.id, reason="too new")
    store(mended)
    body = {"ids": [bad.id, mended.id]}
    told = api.as_service("auth").post("/internal/v1/events/confirm", json=body).json()
    assert (told["stored"], told["refused"].keys()) == ([mended.id], {bad.id})
    assert told["refused"][bad.id]["times"] == 2
    assert told["refused"][bad.id]["reason"].startswith("auth.user.registered can't be stored: ")
    assert api.as_service("todo").post("/internal/v1/events/confirm", json=body).json()["refused"] == {}
