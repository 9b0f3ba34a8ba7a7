"""Who sees what, as a table, over both doors."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from libs.discovery.channels import failure
from libs.discovery.documents import EXTERNAL_FIELDS
from libs.discovery.protos import registration_to_proto
from libs.rpc import registry_pb2 as pb
from tests.registry_svc.parts import HttpInstance, RunningRegistry, as_metadata, registration, signer

TYPES = {"gateway": "public", "todo": "internal", "admin": "admin"}
OK, FORBIDDEN, UNKNOWN = "", "service_not_public", "unknown_service"

#: caller → type → what happens
MATRIX = {
    "": {"gateway": OK, "todo": FORBIDDEN, "admin": FORBIDDEN, "nothing": UNKNOWN},
    "auth": {"gateway": OK, "todo": OK, "admin": FORBIDDEN, "nothing": UNKNOWN},
    "admin": {"gateway": OK, "todo": OK, "admin": OK, "nothing": UNKNOWN},
}
ROWS = [(caller, kind, code) for caller, row in MATRIX.items() for kind, code in row.items()]
STATUS = {OK: 200, FORBIDDEN: 403, UNKNOWN: 404}
PATHS = ["instances", "resolve", "watch", "watch?index=1&wait=1", "instances/{kind}-1", "instances/{kind}-1/health"]
METHODS = {
    "ListInstances": lambda kind: pb.ListInstancesRequest(type=kind),
    "GetInstance": lambda kind: pb.GetInstanceRequest(type=kind, id=f"{kind}-1"),
    "Resolve": lambda kind: pb.ResolveRequest(type=kind),
    "CheckHealth": lambda kind: pb.CheckHealthRequest(type=kind, id=f"{kind}-1"),
}
GRPC_STATUS = {FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED, UNKNOWN: grpc.StatusCode.NOT_FOUND}


@pytest.fixture
def lease_ttl() -> float:
    return 60.0


@pytest.fixture
def peopled(registry: RunningRegistry) -> Iterator[RunningRegistry]:
    """One healthy instance of each visibility."""
    instance = HttpInstance()
    for kind in TYPES:
        mine = registration(kind, f"{kind}-1", http_port=instance.port, metadata={"secret": "x"})
        registry.call("Register", registration_to_proto(mine), kind)
    yield registry
    instance.stop()


def test_http_shows_each_caller_what_it_may_see(peopled: RunningRegistry) -> None:
    for caller, kind, code in ROWS:
        for path in PATHS:
            answer = peopled.get(f"/v1/services/{kind}/{path.format(kind=kind)}", caller)
            assert answer.status_code == STATUS[code], (caller, kind, path, answer.text)
            if code:
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["code"] == code


def test_grpc_shows_each_caller_what_it_may_see(peopled: RunningRegistry) -> None:
    for caller, kind, code in ROWS:
        for method, message in METHODS.items():
            assert _called(peopled, method, message(kind), caller) == (GRPC_STATUS.get(code), code), (caller, kind)


def test_a_watch_is_refused_like_a_question(peopled: RunningRegistry) -> None:
    for caller, kind, code in ROWS:
        with peopled.rpc() as methods:
            stream = methods.Watch(pb.WatchRequest(type=kind), metadata=as_metadata(caller), timeout=10)
            if not code:
                assert next(stream).type == kind
                continue
            with pytest.raises(grpc.RpcError) as raised:
                next(stream)
            assert failure(raised.value)[0] == code


def test_a_watch_of_everything_brings_all_types_that_the_caller_may_see(peopled: RunningRegistry) -> None:
    visibility = {name: entry.visibility for name, entry in peopled.node.catalog.bundle.services.items()}
    seen = {"": {"public"}, "auth": {"public", "internal"}, "admin": {"public", "internal", "admin"}}
    for caller, kinds in seen.items():
        expected = {name for name, kind in visibility.items() if kind in kinds}
        with peopled.rpc() as methods:
            stream = methods.Watch(pb.WatchRequest(), metadata=as_metadata(caller), timeout=10)
            count = int(dict(stream.initial_metadata())["mt-types"])
            assert {next(stream).type for _ in range(count)} == expected


def test_lists_of_types_hold_only_visible_ones(peopled: RunningRegistry) -> None:
    names = {each["type"] for each in peopled.get("/v1/services").json()["items"]}
    assert names == {"registry", "gateway"}
    for caller, hidden in (("auth", {"admin"}), ("admin", set())):
        over_http = {each["type"] for each in peopled.get("/v1/services", caller).json()["items"]}
        over_grpc = {each.type for each in peopled.call("ListTypes", pb.ListTypesRequest(), caller).items}
        assert over_http == over_grpc == set(peopled.node.catalog.bundle.services) - hidden


def test_strangers_get_the_public_fields_only(peopled: RunningRegistry) -> None:
    item = peopled.get("/v1/services/gateway/instances/gateway-1").json()
    assert set(item) == set(EXTERNAL_FIELDS)
    assert set(item["last_check"]) == {"at", "status"}
    message = peopled.call("GetInstance", pb.GetInstanceRequest(type="gateway", id="gateway-1"))
    assert {field.name for field, _ in message.ListFields()} <= set(EXTERNAL_FIELDS)
    full = peopled.get("/v1/services/gateway/instances/gateway-1", "auth").json()
    assert full["metadata"] == {"secret": "x"}


def test_a_token_that_does_not_verify_is_401_at_both_doors(peopled: RunningRegistry) -> None:
    for value in ("Bearer nonsense", "Basic dXNlcjpwdw=="):
        answer = peopled.get("/v1/services", headers={"Authorization": value})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
        assert answer.headers["www-authenticate"] == "Bearer"
        with peopled.rpc() as methods, pytest.raises(grpc.RpcError) as raised:
            methods.ListTypes(pb.ListTypesRequest(), metadata=(("authorization", value),), timeout=5)
        assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_token_for_another_service_is_refused(peopled: RunningRegistry) -> None:
    token = signer("auth").token("todo")
    assert peopled.get("/v1/services", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_the_registrys_own_token_may_do_what_an_admins_may(peopled: RunningRegistry) -> None:
    for kind in TYPES:
        for caller, allowed in (("auth", False), ("registry", True), ("admin", True)):
            resting = pb.SetStateRequest(type=kind, id=f"{kind}-1", state=pb.STATE_MAINTENANCE)
            expected = (None, "") if allowed else (grpc.StatusCode.PERMISSION_DENIED, "not_your_instance")
            assert _called(peopled, "SetState", resting, caller) == expected, (caller, kind)
            assert peopled.states(kind) == {f"{kind}-1": "maintenance" if allowed else "up"}
            awake = pb.SetStateRequest(type=kind, id=f"{kind}-1", state=pb.STATE_UP)
            assert _called(peopled, "SetState", awake, caller) == expected
        assert peopled.get(f"/v1/services/{kind}/instances/{kind}-1", "registry").status_code == 200


def _called(registry: RunningRegistry, method: str, message: Any, caller: str) -> tuple[Any, str]:
    try:
        registry.call(method, message, caller)
    except grpc.RpcError as error:
        return error.code(), failure(error)[0]  # type: ignore[attr-defined]
    return None, ""
