"""The flows that the platform is for, step by step."""

import json
import secrets

import pytest
import requests
from websockets.sync.client import connect

from libs.contracts.names import SERVICES
from tests.system.dashboard import Dashboard
from tests.system.inside import Insider
from tests.system.stack import eventually

QUEUES = {"todo": "todo.events", "auth": "auth.events"}


def test_a_client_uses_auth_and_todo_through_the_gateway(stack, logs):
    # 0. Every service has registered itself in the Registry.
    for service in SERVICES:
        assert any(instance["state"] == "up" for instance in stack.instances(service)), service

    # 1. The client asks the Registry for the gateway.
    resolved = requests.get(f"{stack.registry_url}/v1/services/gateway/resolve", timeout=5)

    # 2. The Registry answers with the address of a suitable gateway instance.
    assert resolved.status_code == 200
    assert resolved.json()["id"] == "gateway-1"
    gateway = resolved.json()["address"]
    assert gateway == stack.gateway_url

    # 3. The client sends its requests to that gateway: to Auth …
    account = {"email": f"ada-{secrets.token_hex(6)}@example.org", "password": secrets.token_urlsafe(12)}
    registered = requests.post(f"{gateway}/v1/auth/register", json=account, timeout=10)
    assert registered.status_code == 201
    login = requests.post(f"{gateway}/v1/auth/login", json=account, timeout=10)
    assert login.status_code == 200
    bearer = {"Authorization": f"Bearer {login.json()['access_token']}"}

    # … and to TODO.
    made = requests.post(f"{gateway}/v1/lists", json={"name": "Groceries"}, headers=bearer, timeout=10)
    assert made.status_code == 201

    # 4. The gateway picked a suitable instance of the service from what the Registry says.
    access = logs.wait_for(service="gateway", request_id=made.headers["X-Request-ID"])[0]["attributes"]
    assert access["upstream_service"] == "todo"
    assert access["upstream_instance"] in {instance["id"] for instance in stack.instances("todo")}

    # 5. It converted the HTTP request to the internal protocol: the list is there for a caller on that protocol.
    inside = Insider(stack, "gateway").get("todo", f"/v1/lists/{made.json()['id']}", user_id=registered.json()["id"])
    assert inside.status_code == 200

    # 6. It converted the answer back to HTTP: status, headers and body are those of the service.
    assert made.headers["Location"] == f"/v1/lists/{made.json()['id']}"
    assert made.headers["ETag"]
    assert inside.json() == made.json()


def test_auth_and_todo_sync_through_events(stack, person, admin):
    # 0. Auth and TODO find Events through the Registry.
    assert any(instance["state"] == "up" for instance in stack.instances("events"))

    # 1. They have subscribed to certain events.
    def subscribed():
        items = admin.get("events", "/v1/subscriptions", params={"limit": 200}).json()["items"]
        wanted = {(item["service"], item["pattern"], item["queue"]) for item in items if not item["ended_at"]}
        return wanted >= {
            ("todo", "auth.user.registered", QUEUES["todo"]),
            ("auth", "todo.invitation.created", QUEUES["auth"]),
        }

    eventually(subscribed, what="the subscriptions of both")

    # 2. They send sync commands: a task changes from a value to a value, an address is registered.
    ada = person("Ada")
    task = ada.make_task(ada.make_list()["id"], "Milk")
    assert ada.patch(f"/v1/tasks/{task['id']}", {"title": "Oat milk"}).status_code == 200

    def event(kind, aggregate_id):
        params = {"type": kind, "aggregate_id": aggregate_id}
        found = lambda: admin.get("events", "/v1/events", params=params).json()["items"]  # noqa: E731
        return eventually(found, what=kind)[0]

    changed = event("todo.task.updated", task["id"])
    assert changed["source"] == "todo"
    assert changed["data"]["changes"]["title"] == {"from": "Milk", "to": "Oat milk"}
    registered = event("auth.user.registered", ada.user["id"])

    # 3. Events sends it to all subscribers, and remembers that TODO has applied it.
    def delivered():
        deliveries = admin.get("events", "/v1/deliveries", params={"subscriber": "todo"}).json()["items"]
        return [each for each in deliveries if each["event"]["id"] == registered["id"] and each["done_at"]]

    assert len(eventually(delivered, what="the delivery to TODO")) == 1
    assert ada.inbox()["name"] == "Inbox"


@pytest.mark.parametrize(
    ("worker", "sample"),
    [
        ("events-worker-1", 'mt_events_stored_total{source="auth"}'),
        ("auth-worker-1", "mt_outbox_events"),
        ("todo-worker-1", 'mt_reactions_total{outcome="applied",type="auth.user.registered"}'),
    ],
)
def test_workers_say_where_their_metrics_are_and_count_what_they_do(stack, person, worker, sample):
    (found,) = json.loads((stack.home / "metrics" / f"{worker}.json").read_text())
    url = f"http://{found['targets'][0]}"
    assert requests.get(f"{url}/healthz", timeout=5).json() == {"status": "passing"}
    assert requests.get(f"{url}/metrics", timeout=5).status_code == 404
    token = {"Authorization": f"Bearer {(stack.plan.keys / 'metrics.token').read_text().strip()}"}
    person("Mina")
    eventually(lambda: f"\n{sample} " in requests.get(f"{url}/metrics", headers=token, timeout=5).text)


def test_every_service_logs(stack, person, logs):
    # Each service, found Logger through the Registry and its messages arrived there, from each of its processes.
    person("Ada").inbox()
    eventually(lambda: set(SERVICES) <= {service for service, _ in logs.writers()}, what="logs of all services")
    for service in SERVICES:
        record = logs.wait_for(service=service, instance=f"{service}-1")[0]
        assert record["message"]
        assert record["level"] in ("debug", "info", "warning", "error", "critical")


def test_admin_watches(stack, person, admin):
    # 0. Admin finds Logger through the Registry.
    assert any(instance["state"] == "up" for instance in stack.instances("logger"))

    # 1. It asks it for the logs of the chosen service type.
    dashboard = Dashboard(stack.admin_url).sign_in("admin", stack.admin_password)
    page = dashboard.get("/admin/logs/records/", params={"service": "gateway"})
    assert page.status_code == 200
    assert "gateway-1" in page.text

    # 2. It keeps them current: a record arrives on the open page while somebody works.
    with connect(dashboard.socket_url("/ws/logs/"), additional_headers=dashboard.cookie_header) as socket:
        follow = dashboard.follow(socket, service="gateway")
        request_id = person("Ada").get("/v1/lists").headers["X-Request-ID"]
        assert follow(lambda record: record["request_id"] == request_id)["instance"] == "gateway-1"

    # 3. It asks the Registry for the status of all services.
    overview = dashboard.get("/admin/services/").text
    for service in SERVICES:
        assert f'data-service="{service}"' in overview
    assert "7 of 7 services healthy" in overview


def test_the_gateway_relies_on_auth(stack, person, gateway):
    # The gateway finds a suitable Auth instance …
    assert any(instance["state"] == "up" for instance in stack.instances("auth"))

    # … authorizes users through it …
    ada = person("Ada")
    assert ada.tokens["token_type"].lower() == "bearer"
    keys = gateway.get("auth", "/.well-known/jwks.json").json()["keys"]
    assert keys

    # … and authenticates what they do: TODO knows who asks, and nobody without a token gets through.
    groceries = ada.make_list()
    assert groceries["my_role"] == "owner"
    anonymous = requests.get(f"{stack.gateway_url}/v1/lists/{groceries['id']}", timeout=10)
    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Bearer")
    stranger = person("Eve").get(f"/v1/lists/{groceries['id']}")
    assert stranger.status_code == 404
