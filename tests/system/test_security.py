"""Who is refused, and what nobody can reach."""

import json
import stat
import time

import jwt
import pytest
import requests

from libs.devstack.broker import private_folder
from libs.identity.service_tokens import ServiceSigner, load_private_key
from libs.rpc import registry_pb2 as pb
from tests.system.inside import Insider, bearer, refusal, registry
from tests.system.problems import assert_problem
from tests.system.sockets import LOOPBACK, listeners, raw_request
from tests.system.stack import eventually

INTERNAL = ["auth", "todo", "events", "logger"]
PATHS = {"auth": "/v1/users/me", "todo": "/v1/lists", "events": "/v1/stats", "logger": "/v1/logs"}


# -- ports -------------------------------------------------------------------------------------------------------------


def test_no_process_listens_on_a_port_that_neither_the_registry_nor_a_workers_file_names(stack):
    named = {stack.ports.registry, stack.ports.registry_grpc}
    for service in ("gateway", "admin", *INTERNAL):
        for item in stack.instances(service):
            named |= {item["http_port"], item["grpc_port"]} - {0}
    for file in (stack.home / "metrics").glob("*.json"):
        for entry in json.loads(file.read_text()):
            named |= {int(target.rpartition(":")[2]) for target in entry["targets"]}
    found = listeners(stack.pids())
    assert set(found) == named
    assert set(found.values()) <= LOOPBACK


@pytest.mark.parametrize("service", INTERNAL)
def test_an_internal_rpc_port_refuses_a_caller_without_a_service_token(stack, service):
    caller = Insider(stack, "gateway")
    assert refused(caller, service, token="") == "UNAUTHENTICATED"
    assert refused(caller, service, token="a guess") == "UNAUTHENTICATED"


@pytest.mark.parametrize("service", INTERNAL)
def test_a_token_for_another_audience_is_refused(stack, service):
    other = "registry" if service != "registry" else "todo"
    assert refused(Insider(stack, "gateway"), service, token=stack.token("gateway", other)) == "UNAUTHENTICATED"


def refused(caller, service, *, token):
    """Give the gRPC status of a refused call over the bridge."""
    return refusal(lambda *_, **__: caller.get(service, PATHS[service], token=token))[0]


def test_a_token_that_is_expired_or_lives_too_long_is_refused(stack):
    key = load_private_key(stack.plan.keys / "gateway.pem")
    now = int(time.time())
    for begun, ends in ((now - 900, now - 600), (now, now + 86_400)):
        claims = {"iss": "gateway", "aud": "todo", "iat": begun, "exp": ends}
        token = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "gateway"})
        assert refused(Insider(stack), "todo", token=token) == "UNAUTHENTICATED"


@pytest.mark.parametrize("service", INTERNAL)
def test_an_internal_http_port_tells_its_health_and_nothing_else(stack, service):
    for item in stack.instances(service):
        url = f"http://127.0.0.1:{item['http_port']}"
        healthy = requests.get(f"{url}/healthz", timeout=5)
        assert (healthy.status_code, healthy.json()) == (200, {"status": "passing"})
        token = {"Authorization": f"Bearer {stack.token('gateway', service)}"}
        for path in (PATHS[service], "/", "/openapi.json", "/internal/v1/revocations", "/metrics"):
            assert requests.get(f"{url}{path}", timeout=5).status_code == 404
            assert requests.get(f"{url}{path}", headers=token, timeout=5).status_code == 404


@pytest.mark.parametrize("service", ["registry", "gateway", "admin", *INTERNAL])
def test_metrics_are_for_those_with_the_token(stack, service):
    port = stack.instances(service)[0]["http_port"]
    url = f"http://127.0.0.1:{port}/metrics"
    assert requests.get(url, timeout=5).status_code == 404
    assert requests.get(url, headers={"Authorization": "Bearer a guess"}, timeout=5).status_code in (401, 404)
    token = (stack.plan.keys / "metrics.token").read_text().strip()
    seen = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert seen.status_code == 200
    assert "# TYPE" in seen.text


# -- external callers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", [*INTERNAL, "admin"])
def test_external_callers_are_forbidden_to_see_types_that_are_not_public(stack, service):
    answer = requests.get(f"{stack.registry_url}/v1/services/{service}/resolve", timeout=5)
    assert_problem(answer, 403, "service_not_public")
    with registry(stack) as stub:
        assert refusal(stub.Resolve, pb.ResolveRequest(type=service)) == ("PERMISSION_DENIED", "service_not_public")


def test_the_registry_refuses_a_token_that_does_not_verify(stack):
    for token in ("a guess", stack.token("todo", "auth")):
        answer = requests.get(
            f"{stack.registry_url}/v1/services", headers={"Authorization": f"Bearer {token}"}, timeout=5
        )
        assert_problem(answer, 401, "invalid_token")
        with registry(stack) as stub:
            refused_call = refusal(stub.ListTypes, pb.ListTypesRequest(), metadata=bearer(token))
        assert refused_call == ("UNAUTHENTICATED", "invalid_token")


def test_external_callers_can_not_register_or_change_instances(stack):
    url = f"{stack.registry_url}/v1/services/gateway/instances"
    assert_problem(requests.post(url, json={"id": "gateway-9"}, timeout=5), 401)
    assert_problem(requests.post(f"{url}/gateway-1/drain", timeout=5), 401)
    assert_problem(requests.delete(f"{url}/gateway-1", timeout=5), 401)
    with registry(stack) as stub:
        assert refusal(stub.Register, pb.RegisterRequest(type="gateway", id="gateway-9"))[0] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "path",
    [
        "/internal/v1/revocations",
        "/internal/v1/events/confirm",
        "/%69nternal/v1/revocations",
        "/v1/auth/../../internal/v1/revocations",
        "/v1/auth/%2e%2e/%2e%2e/internal/v1/revocations",
        "/v1/auth/..%2f..%2finternal/v1/revocations",
        "//internal/v1/revocations",
        "/v1/lists/..;/internal/v1/revocations",
        "/v1/subscriptions",
        "/v1/deliveries",
        "/v1/logs",
        "/v1/logs/tail",
        "/openapi.json",
    ],
)
def test_the_gateway_never_reaches_what_is_internal(stack, person, path):
    token = {"Authorization": f"Bearer {person('Eve').tokens['access_token']}"}
    for headers in ({}, token):
        answer = raw_request(stack.gateway_url, "GET", path, headers=headers)
        assert answer.status_code in (400, 404), (path, answer.text)
        assert_problem(answer, answer.status_code)


def test_the_gateway_does_not_let_users_ask_what_is_for_services(person):
    eve = person("Eve")
    assert_problem(eve.post("/v1/auth/token/introspect", {"token": eve.tokens["access_token"]}), 404)


@pytest.mark.parametrize("name", ["X-User-Id", "X-MT-User-Id", "X-MT-Principal", "X_User_Id", "Grpc-Principal"])
def test_identity_headers_from_outside_have_no_effect(stack, person, name):
    ada, eve = person("Ada"), person("Eve")
    anonymous = requests.get(f"{stack.gateway_url}/v1/users/me", headers={name: ada.user["id"]}, timeout=10)
    assert_problem(anonymous, 401)
    assert eve.get("/v1/users/me", headers={name: ada.user["id"]}).json()["id"] == eve.user["id"]


def test_a_service_token_is_no_access_token_of_a_user(stack):
    headers = {"Authorization": f"Bearer {stack.token('gateway', 'todo')}"}
    assert_problem(requests.get(f"{stack.gateway_url}/v1/lists", headers=headers, timeout=10), 401, "invalid_token")


# -- personal access tokens --------------------------------------------------------------------------------------------


def make_token(person, *scopes):
    """Give the address of a new personal token, and a function that calls with it."""
    made = person.post("/v1/auth/pats", {"name": "backup", "scopes": scopes})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['token']}"}

    def call(method, path, **options):
        return requests.request(method, person.gateway + path, headers=headers, timeout=10, **options)

    return made.headers["Location"], call


def test_a_personal_token_does_what_it_names_until_it_is_deleted(person):
    ada = person("Ada")
    groceries = ada.make_list()
    where, call = make_token(ada, "lists:read", "account")
    assert groceries in call("GET", "/v1/lists").json()["items"]
    assert call("GET", "/v1/users/me").json()["id"] == ada.user["id"]
    assert_problem(call("POST", "/v1/lists", json={"name": "More"}), 403, "insufficient_scope")
    assert_problem(call("POST", "/v1/auth/pats", json={"name": "x", "scopes": ["account"]}), 403, "session_required")
    assert_problem(call("DELETE", where), 403, "session_required")

    assert ada.delete(where).status_code == 204
    eventually(lambda: call("GET", "/v1/lists").status_code == 401, within=1, what="the token is refused")
    assert_problem(call("GET", "/v1/users/me"), 401, "invalid_token")


def test_deleting_the_account_ends_its_personal_tokens_within_a_second(person):
    ada = person("Ada")
    _, call = make_token(ada, "lists:read")
    assert call("GET", "/v1/lists").status_code == 200
    assert ada.delete("/v1/users/me", json={"password": ada.password}).status_code == 202
    eventually(lambda: call("GET", "/v1/lists").status_code == 401, within=1, what="the token is refused")


def test_personal_tokens_survive_kill_9_of_auth_and_known_ones_its_absence(stack, person):
    ada = person("Ada")
    (_, known), (_, new) = make_token(ada, "lists:read"), make_token(ada, "lists:read")
    stack.kill("auth-1")
    eventually(lambda: known("GET", "/v1/lists").status_code == 200, within=30, what="the token holds")
    stack.stop_process("auth-1")
    try:
        assert known("GET", "/v1/lists").status_code == 200
        problem = assert_problem(new("GET", "/v1/lists"), 503)
        assert problem["service"] == "auth"
    finally:
        stack.start_process("auth-1")
    stack.wait_up("auth-1")
    eventually(lambda: new("GET", "/v1/lists").status_code == 200, within=20, what="the other one, too")


# -- services among themselves -----------------------------------------------------------------------------------------


def test_one_service_can_not_sign_as_another(stack):
    forged = ServiceSigner("gateway", load_private_key(stack.plan.keys / "todo.pem")).token("todo")
    assert refused(Insider(stack), "todo", token=forged) == "UNAUTHENTICATED"


def test_only_the_gateway_may_say_for_which_user_it_calls(stack, person):
    ada = person("Ada")
    asked = {"user_id": ada.user["id"], "route": "/v1/lists"}
    assert Insider(stack, "gateway").get("todo", "/v1/lists", **asked).status_code == 200
    for service in ("todo", "events", "admin"):
        assert Insider(stack, service).get("todo", "/v1/lists", **asked).status_code == 401


def test_a_service_registers_instances_of_its_own_type_only(stack):
    todo = {"Authorization": f"Bearer {stack.token('todo')}"}
    url = f"{stack.registry_url}/v1/services/auth/instances"
    assert_problem(requests.post(url, json={"id": "auth-9"}, headers=todo, timeout=5), 403, "not_your_instance")
    assert_problem(requests.delete(f"{url}/auth-1", headers=todo, timeout=5), 403, "not_your_instance")
    assert_problem(requests.post(f"{url}/auth-1/drain", headers=todo, timeout=5), 403, "not_your_instance")


def test_a_service_writes_logs_as_itself_only(stack, logs):
    line = {"time": "2031-01-01T00:00:00Z", "service": "auth", "instance": "auth-1", "level": "info", "message": "no"}
    answer = Insider(stack, "todo").call("logger", "POST", "/v1/logs", content=json.dumps(line).encode())
    assert answer.status_code == 207, answer.text
    assert answer.json()["accepted"] == 0


def test_a_service_may_not_do_what_is_for_others(stack):
    todo = Insider(stack, "todo")
    assert todo.get("logger", "/v1/logs").status_code == 403
    assert todo.get("events", "/v1/stats").status_code == 403
    assert todo.get("auth", "/internal/v1/revocations").status_code == 403
    replay = {"subscriber": "auth", "since": "2031-01-01T00:00:00Z"}
    assert todo.post("events", "/v1/replays", replay).status_code == 403
    queue = {"patterns": ["auth.user.*"], "queue": "auth.events"}
    assert todo.post("events", "/v1/subscriptions", queue).status_code == 422


# -- files -------------------------------------------------------------------------------------------------------------


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_and_passwords_are_readable_by_their_owner_alone(stack):
    assert mode(stack.plan.keys) == 0o700
    assert {mode(file) for file in stack.plan.keys.iterdir()} == {0o600}


def test_the_sockets_of_broker_and_supervisor_lie_in_a_folder_of_their_owner_alone(stack):
    folder = private_folder(stack.home)
    assert mode(folder) == 0o700
    assert (folder / "supervisor.sock").is_socket()
    assert (folder / "valkey.sock").is_socket() != stack.distributed
