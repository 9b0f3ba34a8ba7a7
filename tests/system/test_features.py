"""One test for every line of the table of features, named by its words."""

import json
import secrets
import time
from collections import Counter

import grpc
import pytest
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc
from uuid_utils.compat import uuid7
from websockets.sync.client import connect

from libs.contracts.names import SERVICES
from libs.rpc import registry_pb2 as pb
from tests.system.dashboard import Dashboard
from tests.system.inside import Insider, bearer, refusal, registry
from tests.system.problems import assert_problem
from tests.system.stack import eventually
from tests.system.standin import StandIn
from tests.system.users import Person

STRATEGIES = ["random", "round_robin", "weighted_random", "weighted_round_robin", "least_load"]
TODOS = {"todo-1", "todo-2"}


def ask_registry(stack, path, service="", **params):
    """GET from the Registry, as a service or as an external caller."""
    headers = {"Authorization": f"Bearer {stack.token(service)}"} if service else {}
    return requests.get(f"{stack.registry_url}{path}", params=params, headers=headers, timeout=5)


# -- Registry ----------------------------------------------------------------------------------------------------------


def test_registry_works_on_both_grpc_and_http(stack):
    over_http = ask_registry(stack, "/v1/services/todo/instances", "admin").json()["items"]
    with registry(stack) as stub:
        over_grpc = stub.ListInstances(
            pb.ListInstancesRequest(type="todo"), metadata=bearer(stack.token()), timeout=5
        ).items
    shown = {(item["id"], item["grpc_address"], item["state"]) for item in over_http}
    assert shown == {(item.id, item.grpc_address, pb.State.Name(item.state)[6:].lower()) for item in over_grpc}
    assert {name for name, *_ in shown} == TODOS


def test_registry_keeps_its_list_up_to_date_with_health_checks_of_instances(stack):
    with StandIn(stack, "health-1") as instance:
        assert instance.register().status_code == 201
        instance.wait_for("up")
        instance.status = 503  # it beats, so its process lives, and says that it is not well
        instance.wait_for("down")
        assert instance.ask("GET", "").json()["last_check"]["status"] == "critical"
        instance.status = 200
        instance.wait_for("up")


def test_registry_lets_instances_register_themselves(stack):
    with StandIn(stack, "self-1") as instance:
        instance.status = 503
        assert_problem(instance.register(), 422, "health_check_failed")
        instance.status = 200
        lease = instance.register()
        assert lease.status_code == 201
        assert lease.json().items() >= {"instance_id": "self-1", "incarnation": instance.incarnation}.items()
        assert instance.register().json() == lease.json()
        older = "00000000" + instance.incarnation[8:]
        assert_problem(instance.register(incarnation=older), 409, "stale_incarnation")
        instance.incarnation = str(uuid7())
        assert instance.register().status_code == 201
        instance.wait_for("down", beating=False)  # silent for three seconds
        instance.wait_for("up")
    assert_problem(instance.ask("GET", ""), 404)
    assert_problem(instance.beat(), 404, "unknown_lease")


def test_registry_lists_service_types(stack):
    items = {item["type"]: item for item in ask_registry(stack, "/v1/services", "admin").json()["items"]}
    assert set(items) == set(SERVICES)
    assert items["todo"] == {
        "type": "todo", "visibility": "internal", "instances": 2, "healthy": 2, "degraded": False,
        "guards": [],
    }  # fmt: skip
    with registry(stack) as stub:
        types = stub.ListTypes(pb.ListTypesRequest(), metadata=bearer(stack.token()), timeout=5).items
    assert {item.type for item in types} == set(SERVICES)


def test_registry_lists_instances_of_a_type(stack):
    items = ask_registry(stack, "/v1/services/todo/instances", "gateway").json()["items"]
    assert {item["id"] for item in items} == TODOS
    for item in items:
        assert item["state"] == "up"
        assert "/v1/lists" in item["routes"]
        assert item["last_check"]["status"] == "passing"
    one = ask_registry(stack, "/v1/services/todo/instances/todo-2", "gateway").json()
    assert (one["id"], one["grpc_address"]) == ("todo-2", {x["id"]: x["grpc_address"] for x in items}["todo-2"])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_registry_gives_the_address_of_a_suitable_instance(stack, strategy):
    addresses = {item["id"]: item["grpc_address"] for item in stack.instances("todo")}
    over_http = [
        ask_registry(stack, "/v1/services/todo/resolve", "gateway", strategy=strategy).json() for _ in range(30)
    ]
    assert all(item["grpc_address"] == addresses[item["id"]] for item in over_http)
    assert {item["id"] for item in over_http} == TODOS
    if strategy.endswith("round_robin"):
        assert Counter(item["id"] for item in over_http) == {"todo-1": 15, "todo-2": 15}
    with registry(stack) as stub:
        wanted = pb.ResolveRequest(type="todo", strategy=f"STRATEGY_{strategy.upper()}")
        found = stub.Resolve(wanted, metadata=bearer(stack.token("gateway")), timeout=5).instance
    assert found.grpc_address == addresses[found.id]


def test_registry_refuses_an_unknown_strategy(stack):
    assert_problem(ask_registry(stack, "/v1/services/gateway/resolve", strategy="best"), 400)


def test_registry_proxies_health_checks_to_instances(stack):
    answer = ask_registry(stack, "/v1/services/todo/instances/todo-1/health", "admin")
    assert answer.status_code == 200
    assert answer.json()["status"] == "passing"
    assert answer.json()["latency_ms"] > 0
    with registry(stack) as stub:
        asked = pb.CheckHealthRequest(type="todo", id="todo-2")
        check = stub.CheckHealth(asked, metadata=bearer(stack.token()), timeout=5)
    assert check.status == pb.HEALTH_STATUS_PASSING
    outside = ask_registry(stack, "/v1/services/gateway/instances/gateway-1/health")
    assert outside.json()["status"] == "passing"
    with StandIn(stack, "proxied-1") as instance:
        instance.register()
        instance.server.socket.close()
        assert_problem(instance.ask("GET", "/health"), 502, "instance_unreachable")


def test_registry_tells_its_own_health_over_http_and_rpc(stack):
    answer = requests.get(f"{stack.registry_url}/healthz", timeout=5)
    assert (answer.status_code, answer.json()) == (200, {"status": "passing"})
    with grpc.insecure_channel(stack.registry_grpc) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        check = health.Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert check.status == health_pb2.HealthCheckResponse.SERVING


def test_registry_gives_an_error_message_when_a_service_is_unavailable(stack):
    url = f"{stack.registry_url}/v1/services/admin/instances/admin-1"
    headers = {"Authorization": f"Bearer {stack.token()}"}
    assert requests.post(f"{url}/maintenance", headers=headers, timeout=5).json()["state"] == "maintenance"
    try:
        answer = ask_registry(stack, "/v1/services/admin/resolve", "admin")
        problem = assert_problem(answer, 503, "no_healthy_instance")
        assert "admin" in problem["detail"]
        assert int(answer.headers["Retry-After"]) >= 1
        with registry(stack) as stub:
            refused = refusal(stub.Resolve, pb.ResolveRequest(type="admin"), metadata=bearer(stack.token()))
        assert refused == ("UNAVAILABLE", "no_healthy_instance")
    finally:
        requests.post(f"{url}/resume", headers=headers, timeout=5)
        stack.wait_up("admin-1")


def refused_everywhere(stack, service):
    """Check that an external caller is refused a type at each of the Registry's questions, over HTTP and gRPC."""
    path = f"/v1/services/{service}"
    for question in ("instances", f"instances/{service}-1", f"instances/{service}-1/health", "resolve", "watch"):
        assert_problem(ask_registry(stack, f"{path}/{question}"), 403, "service_not_public")
    wanted = ("PERMISSION_DENIED", "service_not_public")
    with registry(stack) as stub:
        assert refusal(stub.ListInstances, pb.ListInstancesRequest(type=service)) == wanted
        assert refusal(stub.GetInstance, pb.GetInstanceRequest(type=service, id=f"{service}-1")) == wanted
        assert refusal(stub.Resolve, pb.ResolveRequest(type=service)) == wanted
        assert refusal(stub.CheckHealth, pb.CheckHealthRequest(type=service, id=f"{service}-1")) == wanted
        assert refusal(lambda *a, **k: list(stub.Watch(*a, **k)), pb.WatchRequest(type=service)) == wanted


@pytest.mark.parametrize("service", ["auth", "todo", "events", "logger"])
def test_registry_refuses_external_clients_who_ask_for_internal_services(stack, service):
    refused_everywhere(stack, service)
    assert service not in {item["type"] for item in ask_registry(stack, "/v1/services").json()["items"]}


def test_registry_refuses_external_clients_who_ask_for_admin_services(stack):
    refused_everywhere(stack, "admin")
    assert_problem(ask_registry(stack, "/v1/services/admin/resolve", "todo"), 403, "service_not_public")


def test_registry_shows_external_clients_the_public_types_and_nothing_more_of_them_than_they_need(stack):
    types = {item["type"] for item in ask_registry(stack, "/v1/services").json()["items"]}
    assert types == {"registry", "gateway"}
    seen = ask_registry(stack, "/v1/services/gateway/instances").json()["items"][0]
    assert set(seen) <= {"type", "id", "state", "address", "routes", "weight", "zone", "version", "last_check"}
    assert_problem(ask_registry(stack, "/v1/services/billing/resolve"), 404, "unknown_service")


def test_registry_writes_logs_to_logger(stack, logs):
    name = f"logged-{secrets.token_hex(4)}"
    with StandIn(stack, name) as instance:
        instance.register()

    def told(records):
        mine = [each["attributes"] for each in records if each["attributes"].get("instance_id") == name]
        return {each["reason"] for each in mine} >= {"registered", "admin: deregistered"}

    logs.wait_for(service="registry", q="instance state changed", enough=told)


# -- APIGateway --------------------------------------------------------------------------------------------------------


def test_gateway_proxies_http_to_the_right_instance_over_the_internal_protocol(person, logs):
    ada = person("Ada")
    answers = {"auth": ada.get("/v1/users/me"), "todo": ada.get("/v1/lists")}
    for service, answer in answers.items():
        assert answer.status_code == 200
        access = logs.wait_for(service="gateway", request_id=answer.headers["X-Request-ID"])[0]["attributes"]
        assert access["upstream_service"] == service
        assert access["upstream_instance"].startswith(f"{service}-")


def test_gateway_asks_the_registry_for_the_instance(stack, person, logs):
    ada = person("Ada")
    url = f"{stack.registry_url}/v1/services/todo/instances/todo-1"
    headers = {"Authorization": f"Bearer {stack.token()}"}

    def who_answers():
        answers = [ada.get("/v1/lists") for _ in range(8)]
        assert {answer.status_code for answer in answers} == {200}
        ids = [answer.headers["X-Request-ID"] for answer in answers]
        return {logs.wait_for(service="gateway", request_id=each)[0]["attributes"]["upstream_instance"] for each in ids}

    requests.post(f"{url}/drain", headers=headers, timeout=5)
    eventually(lambda: who_answers() == {"todo-2"}, what="todo-1 is left out")
    requests.post(f"{url}/resume", headers=headers, timeout=5)
    eventually(lambda: who_answers() == TODOS, within=30, what="todo-1 is used again")  # it starts slowly


def test_gateway_gives_an_http_error_when_a_service_is_unavailable(stack, person):
    ada = person("Ada")
    headers = {"Authorization": f"Bearer {stack.token()}"}
    urls = [f"{stack.registry_url}/v1/services/todo/instances/{name}" for name in sorted(TODOS)]
    for url in urls:
        requests.post(f"{url}/maintenance", headers=headers, timeout=5)
    try:
        eventually(lambda: ada.get("/v1/lists").status_code == 503, what="no TODO instance is used")
        answer = ada.get("/v1/lists")
        problem = assert_problem(answer, 503)
        assert problem["service"] == "todo"
        assert int(answer.headers["Retry-After"]) >= 1
    finally:
        for url in urls:
            requests.post(f"{url}/resume", headers=headers, timeout=5)
    eventually(lambda: ada.get("/v1/lists").status_code == 200, what="TODO is used again")


def test_gateway_manages_headers(person, logs):
    ada = person("Ada")
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {
        "X-Request-ID": "my-request.1",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
        "Connection": "close, X-Hop",
        "X-Hop": "1",
        "Origin": "https://app.example.org",
    }
    answer = ada.get("/v1/lists", headers=sent)
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-ID"] != "my-request.1"
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Access-Control-Allow-Origin"] == sent["Origin"]
    elsewhere = ada.get("/v1/lists", headers={"Origin": "https://elsewhere.example.org"})
    assert "Access-Control-Allow-Origin" not in elsewhere.headers
    record = logs.wait_for(service="gateway", request_id=answer.headers["X-Request-ID"])[0]
    assert record["attributes"]["client_request_id"] == "my-request.1"
    assert record["trace_id"] == trace
    groceries = ada.make_list()
    etag = ada.get(f"/v1/lists/{groceries['id']}").headers["ETag"]
    unchanged = ada.get(f"/v1/lists/{groceries['id']}", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_gateway_writes_logs_to_logger(person, logs):
    ada = person("Ada")
    answer = ada.get("/v1/lists?limit=7")
    record = logs.wait_for(service="gateway", request_id=answer.headers["X-Request-ID"])[0]
    assert record["logger"] == "gateway.access"
    expected = {"method": "GET", "path": "/v1/lists", "route": "/v1/lists", "status": 200}
    assert record["attributes"].items() >= expected.items()
    assert record["user_id"] == ada.user["id"]


# -- Auth --------------------------------------------------------------------------------------------------------------


def test_auth_registers_users(stack):
    ada = Person(stack.gateway_url, "Ada")
    user = ada.register().json()
    assert (user["email"], user["display_name"]) == (ada.email, "Ada")
    again = ada.post("/v1/auth/register", {"email": ada.email, "password": ada.password})
    assert_problem(again, 409, "email_taken")


def test_auth_authorizes_users(stack):
    ada = Person(stack.gateway_url, "Ada")
    ada.register()
    wrong = ada.post("/v1/auth/login", {"email": ada.email, "password": "not the password"})
    assert_problem(wrong, 401)
    granted = ada.log_in().json()
    assert set(granted["scope"].split()) >= {"tasks:read", "tasks:write", "lists:read", "lists:write"}


def test_auth_provides_tokens(person):
    ada = person("Ada")
    refreshed = ada.post("/v1/auth/token/refresh", {"refresh_token": ada.tokens["refresh_token"]})
    assert refreshed.status_code == 200
    tokens = refreshed.json()
    assert tokens["refresh_token"] != ada.tokens["refresh_token"]
    assert tokens["expires_in"] <= 600
    bearer_header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert ada.get("/v1/users/me", headers=bearer_header).json()["id"] == ada.user["id"]


def test_auth_authenticates_users_by_their_tokens(stack, person):
    ada = person("Ada")
    assert ada.get("/v1/users/me").json()["id"] == ada.user["id"]
    introspect = Insider(stack, "todo").post("auth", "/v1/auth/token/introspect", {"token": ada.tokens["access_token"]})
    assert introspect.json().items() >= {"active": True, "sub": ada.user["id"]}.items()
    header, payload, signature = ada.tokens["access_token"].split(".")
    forged = f"{header}.{payload}.{signature[::-1]}"
    refused = requests.get(
        f"{stack.gateway_url}/v1/users/me", headers={"Authorization": f"Bearer {forged}"}, timeout=10
    )
    assert_problem(refused, 401)
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_auth_writes_logs(person, logs):
    ada = person("Ada")
    found = logs.wait_for(service="auth", q="user logged in", enough=lambda records: named(records, ada.user["id"]))
    assert named(found, ada.user["id"])


def named(records, user_id):
    """Give the records that name a user."""
    return [each for each in records if user_id in (each.get("user_id"), each["attributes"].get("user_id"))]


# -- TODO --------------------------------------------------------------------------------------------------------------


def test_todo_stores_tasks(person):
    ada = person("Ada")
    made = ada.make_task(ada.make_list()["id"], "Milk", notes="two bottles", priority=2, due={"date": "2031-02-28"})
    kept = ada.get(f"/v1/tasks/{made['id']}").json()
    assert kept == made
    assert (kept["title"], kept["notes"], kept["due"]) == ("Milk", "two bottles", {"date": "2031-02-28"})


def test_todo_stores_lists_of_a_user(person):
    ada, ben = person("Ada"), person("Ben")
    names = {"Groceries", "Books", "Trips"}
    for name in names:
        ada.make_list(name)
    ada.inbox()
    ben.inbox()
    assert {each["name"] for each in ada.lists()} == {*names, "Inbox"}
    assert {each["name"] for each in ben.lists()} == {"Inbox"}


def test_todo_lets_users_add_edit_and_delete_tasks(person):
    ada = person("Ada")
    groceries = ada.make_list()
    task = ada.make_task(groceries["id"], "Milk")
    edited = ada.patch(f"/v1/tasks/{task['id']}", {"title": "Oat milk"}).json()
    assert (edited["title"], edited["version"]) == ("Oat milk", task["version"] + 1)
    done = ada.post(f"/v1/tasks/{task['id']}/complete").json()["task"]
    assert (done["status"], done["completed_by"]) == ("done", ada.user["id"])
    assert ada.delete(f"/v1/tasks/{task['id']}").status_code == 204
    assert_problem(ada.get(f"/v1/tasks/{task['id']}"), 404)
    assert ada.get(f"/v1/lists/{groceries['id']}/tasks").json()["items"] == []
    assert ada.post(f"/v1/trash/{task['id']}/restore").status_code == 200
    assert ada.get(f"/v1/tasks/{task['id']}").json()["title"] == "Oat milk"


def test_todo_lets_users_share_tasks_with_other_users(person):
    ada, ben = person("Ada"), person("Ben")
    ben.inbox()  # so his registration has arrived
    groceries = ada.make_list()
    milk, bread = ada.make_task(groceries["id"], "Milk"), ada.make_task(groceries["id"], "Bread")
    assert_problem(ben.get(f"/v1/tasks/{milk['id']}"), 404)
    share = ada.post(f"/v1/tasks/{milk['id']}/shares", {"email": ben.email, "role": "viewer"})
    assert (share.status_code, share.json()["status"]) == (201, "active")
    assert ben.get(f"/v1/tasks/{milk['id']}").json()["my_role"] == "viewer"
    assert_problem(ben.patch(f"/v1/tasks/{milk['id']}", {"title": "Beer"}), 403)
    assert_problem(ben.get(f"/v1/tasks/{bread['id']}"), 404)


def test_todo_lets_users_share_a_list_with_somebody_who_registers_later(stack, person):
    ada, ben = person("Ada"), Person(stack.gateway_url, "Ben")
    groceries = ada.make_list()
    share = ada.post(f"/v1/lists/{groceries['id']}/shares", {"email": ben.email, "role": "editor"}).json()
    assert share["status"] == "invited"
    ben.sign_up()
    shared = eventually(lambda: [each for each in ben.lists() if each["id"] == groceries["id"]], what="the share")
    assert shared[0]["my_role"] == "editor"
    assert ben.make_task(groceries["id"], "Milk")["created_by"] == ben.user["id"]


def test_todo_writes_logs(person, logs):
    ada = person("Ada")
    made = ada.post("/v1/lists", {"name": "Groceries"})
    record = logs.wait_for(service="todo", request_id=made.headers["X-Request-ID"])[0]
    assert record["user_id"] == ada.user["id"]
    assert record["attributes"]["aggregate_id"] == made.json()["id"]
    assert record["instance"] in TODOS


# -- Events ------------------------------------------------------------------------------------------------------------


def test_events_receives_subscribe_requests(stack):
    logger = Insider(stack, "logger")
    queue = "logger.events"
    asked = {"patterns": ["todo.nothing.happened"], "queue": queue}
    answer = logger.post("events", "/v1/subscriptions", asked)
    assert (answer.status_code, answer.json()["items"][0]["service"]) == (200, "logger")
    mine = logger.get("events", "/v1/subscriptions").json()["items"]
    assert [(item["pattern"], item["ended_at"]) for item in mine if item["queue"] == queue] == [
        ("todo.nothing.happened", None)
    ]
    assert logger.post("events", "/v1/subscriptions", {"patterns": [], "queue": queue}).json()["items"] == []


def test_events_receives_events(person, admin):
    ada = person("Ada")
    groceries = ada.make_list("Groceries")
    ada.patch(f"/v1/lists/{groceries['id']}", {"name": "Food"})
    params = {"aggregate_id": groceries["id"]}

    def stored():
        items = admin.get("events", "/v1/events", params=params).json()["items"]
        return [(item["sequence"], item["type"], item["actor_id"]) for item in reversed(items)]

    wanted = [(1, "todo.list.created", ada.user["id"]), (2, "todo.list.updated", ada.user["id"])]
    eventually(lambda: stored() == wanted, what="two events in their order")


def test_events_notifies_subscribers(person, admin):
    ada = person("Ada")
    ada.inbox()  # made when the notification came
    renamed = ada.patch("/v1/users/me", {"display_name": "Ada L."})
    assert renamed.status_code == 200
    task = ada.make_task(ada.make_list()["id"])

    def name_in_todo():
        activity = ada.get(f"/v1/tasks/{task['id']}/activity").json()["items"]
        return activity[0]["actor"]["display_name"]

    eventually(lambda: name_in_todo() == "Ada L.", what="the new name in TODO")

    def statuses():
        items = admin.get("events", "/v1/deliveries", params={"subscriber": "todo", "limit": 200}).json()["items"]
        return {each["status"] for each in items if each["event"]["aggregate_id"] == ada.user["id"]}

    eventually(lambda: statuses() == {"acked"}, what="all deliveries are acknowledged")


def test_events_writes_logs(person, logs):
    person("Ada").inbox()
    logs.wait_for(service="events", instance="events-1", q="serving")
    eventually(lambda: ("events", "events-worker-1") in logs.writers(), what="logs of the worker")


# -- Logger ------------------------------------------------------------------------------------------------------------


def test_logger_receives_logs_of_all_services(logs):
    eventually(lambda: {service for service, _ in logs.writers()} == set(SERVICES), what="logs of all services")


def test_logger_stores_by_service_type_and_by_instance(stack, logs):
    expected = {(name.partition("-")[0], name) for name in stack.processes() if name not in ("broker", "conductor")}
    eventually(lambda: expected <= logs.writers(), what="logs of each process")


@pytest.mark.parametrize("name", ["service", "instance"])
def test_logger_answers_with_the_logs_of_a_type_or_of_an_instance(logs, name):
    value = {"service": "todo", "instance": "todo-2"}[name]
    records = logs.wait_for(**{name: value})
    assert {record[name] for record in records} == {value}
    since = records[0]["time"]
    assert all(record["time"] >= since for record in logs.find(since=since, **{name: value}))


def test_logger_keeps_logs_on_disk(stack, person, logs):
    answer = person("Ada").get("/v1/lists")
    request_id = answer.headers["X-Request-ID"]
    before = logs.wait_for(service="gateway", request_id=request_id)
    killed = stack.kill("logger-1")
    eventually(lambda: stack.pid_of("logger-1") not in (0, killed), what="a new Logger process")
    stack.wait_up("logger-1")
    assert logs.wait_for(service="gateway", request_id=request_id) == before


def test_logger_takes_logs_of_a_service_as_itself_and_shows_them_to_admin_only(stack):
    todo = Insider(stack, "todo")
    assert_problem_inside(todo.get("logger", "/v1/logs"), 403, "caller_not_permitted")


def assert_problem_inside(answer, status, code):
    """Check a problem document that came over the bridge."""
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


# -- Admin -------------------------------------------------------------------------------------------------------------


def test_admin_signs_the_admin_in_on_its_web_page(stack):
    dashboard = Dashboard(stack.admin_url)
    assert "/admin/login/" in dashboard.get("/admin/services/").url
    refused = dashboard.log_in("admin", "a guess")
    assert "Please enter the correct username and password" in refused.text
    dashboard.sign_in("admin", stack.admin_password)
    assert dashboard.get("/admin/services/").status_code == 200


@pytest.fixture
def dashboard(stack):
    return Dashboard(stack.admin_url).sign_in("admin", stack.admin_password)


def test_admin_collects_logs_from_logger(dashboard, person, logs):
    request_id = person("Ada").get("/v1/lists").headers["X-Request-ID"]
    logs.wait_for(request_id=request_id)
    records = dashboard.get("/admin/logs/records/", params={"request_id": request_id})
    assert records.status_code == 200
    assert request_id in records.text


def test_admin_shows_the_health_of_all_services(stack, dashboard):
    page = dashboard.get("/admin/services/").text
    for service in SERVICES:
        assert f'data-service="{service}" data-tone="good"' in page
    for name in [item["id"] for service in SERVICES for item in stack.instances(service)]:
        assert f'data-instance="{name}" data-state="up"' in page


def test_admin_updates_status_and_logs_by_itself(stack, dashboard, person):
    with connect(dashboard.socket_url("/ws/topics/services/"), additional_headers=dashboard.cookie_header) as socket:
        socket.recv(timeout=10)
        killed = stack.kill("todo-2")
        began = time.monotonic()
        html = ""
        while 'data-instance="todo-2" data-state="down"' not in html:
            html = json.loads(socket.recv(timeout=10))["html"]
        assert time.monotonic() - began < 5
        eventually(lambda: stack.pid_of("todo-2") not in (0, killed), what="a new process")
        while 'data-instance="todo-2" data-state="up"' not in html:
            html = json.loads(socket.recv(timeout=15))["html"]
    with connect(dashboard.socket_url("/ws/logs/"), additional_headers=dashboard.cookie_header) as socket:
        follow = dashboard.follow(socket, service="gateway")
        request_id = person("Ada").get("/v1/lists").headers["X-Request-ID"]
        assert follow(lambda record: record["request_id"] == request_id)
