"""Registrations, leases and states, over both doors of a running Registry."""

import time
from typing import Any

import grpc
import pytest
from django.db import OperationalError
from uuid_utils.compat import uuid7

from libs.discovery import HealthSpec, Lease, Registration
from libs.discovery.channels import failure
from libs.discovery.documents import registration_to_json
from libs.discovery.protos import registration_to_proto
from libs.rpc import registry_pb2 as pb
from libs.testing.ports import free_port
from registry_svc.instances import journal as journals
from registry_svc.instances import services
from registry_svc.instances.models import StoredInstance
from registry_svc.instances.observation import CHECKS
from tests.registry_svc.parts import (
    Clients,
    GrpcInstance,
    HttpInstance,
    RunningRegistry,
    as_metadata,
    registration,
    wait_until,
)


class HttpDoor:
    """Registers over HTTP; gives the problem's code, or "" for success."""

    def __init__(self, registry: RunningRegistry) -> None:
        self._registry = registry

    def register(self, mine: Registration, service: str) -> tuple[int, str]:
        path = f"/v1/services/{mine.type}/instances"
        answer = self._registry.post(path, service, json=registration_to_json(mine))
        return answer.status_code, answer.json().get("code", "")


class GrpcDoor:
    """Registers over gRPC; the statuses are those of HTTP."""

    def __init__(self, registry: RunningRegistry) -> None:
        self._registry = registry

    def register(self, mine: Registration, service: str) -> tuple[int, str]:
        try:
            self._registry.call("Register", registration_to_proto(mine), service)
        except grpc.RpcError as error:
            code, _ = failure(error)
            return STATUS[code], code
        return 201, ""


STATUS = {
    "validation_failed": 422,
    "health_check_failed": 422,
    "route_not_allowed": 403,
    "not_your_instance": 403,
    "stale_incarnation": 409,
    "unauthenticated": 401,
}


@pytest.fixture(params=[HttpDoor, GrpcDoor])
def door(request: pytest.FixtureRequest, registry: RunningRegistry) -> Any:
    return request.param(registry)


def test_an_instance_registers_and_is_found(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port, weight=7, zone="z1"))
    assert lease.wait(5)
    found = wait_until(lambda: clients.directory().instances("todo"))[0]
    assert (found.id, found.state, found.weight, found.zone) == ("todo-1", "up", 7, "z1")
    assert found.grpc_address == f"127.0.0.1:{grpc_instance.port}"
    path = "/v1/services/todo/instances/todo-1"
    wait_until(lambda: registry.get(path, "gateway").json()["load"] == {"in_flight": 3, "cpu": 0.5, "queue_depth": 1})


def test_registering_again_with_the_same_incarnation_changes_the_same_instance(
    door: Any, registry: RunningRegistry, grpc_instance: GrpcInstance
) -> None:
    incarnation = str(uuid7())
    for weight in (10, 20):
        mine = registration(grpc_port=grpc_instance.port, incarnation=incarnation, weight=weight)
        assert door.register(mine, "todo") == (201, "")
    items = registry.get("/v1/services/todo/instances", "gateway").json()["items"]
    assert [(each["id"], each["weight"]) for each in items] == [("todo-1", 20)]


def test_a_later_incarnation_replaces_and_an_earlier_one_is_refused(
    door: Any, registry: RunningRegistry, grpc_instance: GrpcInstance
) -> None:
    earlier, later = str(uuid7()), str(uuid7())
    port = grpc_instance.port
    assert door.register(registration(grpc_port=port, incarnation=earlier), "todo")[0] == 201
    assert door.register(registration(grpc_port=port, incarnation=later), "todo")[0] == 201
    refused = door.register(registration(grpc_port=port, incarnation=earlier), "todo")
    assert refused == (409, "stale_incarnation")
    assert registry.node.catalog.instance("todo", "todo-1").incarnation == later


def test_a_failed_first_health_check_refuses_the_registration(door: Any, registry: RunningRegistry) -> None:
    refused = door.register(registration(grpc_port=free_port()), "todo")
    assert refused == (422, "health_check_failed")
    assert registry.states("todo") == {}


def test_an_instance_that_is_not_ready_is_starting_until_it_says_so(
    door: Any, registry: RunningRegistry, grpc_instance: GrpcInstance
) -> None:
    incarnation = str(uuid7())
    waiting = registration(grpc_port=grpc_instance.port, incarnation=incarnation, ready=False)
    assert door.register(waiting, "todo")[0] == 201
    assert registry.states("todo") == {"todo-1": "starting"}
    assert registry.get("/v1/services/todo/resolve", "gateway").status_code == 503
    ready = registration(grpc_port=grpc_instance.port, incarnation=incarnation)
    assert door.register(ready, "todo")[0] == 201
    assert registry.states("todo") == {"todo-1": "up"}


#: registration → caller → status and code
WRONG = [
    (registration(http_port=1, routes=("/v1/auth",)), "todo", (403, "route_not_allowed")),
    (registration(http_port=1, routes=("/v1/tasksx",)), "todo", (403, "route_not_allowed")),
    (registration(http_port=1), "auth", (403, "not_your_instance")),
    (registration(http_port=1), "admin", (403, "not_your_instance")),
    (registration(http_port=1), "", (401, "unauthenticated")),
    (registration("nobody", http_port=1), "todo", (403, "not_your_instance")),
    (registration(instance_id="Todo_1", http_port=1), "todo", (422, "validation_failed")),
    (registration(instance_id="x" * 64, http_port=1), "todo", (422, "validation_failed")),
    (registration(incarnation="not-a-uuid", http_port=1), "todo", (422, "validation_failed")),
    (
        registration(incarnation="9b2e2b1c-5b0a-4f6e-8a53-3b0a1c2d3e4f", http_port=1),
        "todo",
        (422, "validation_failed"),
    ),
    (registration(), "todo", (422, "validation_failed")),
    (registration(http_port=70000), "todo", (422, "validation_failed")),
    (registration(http_port=1, weight=1001), "todo", (422, "validation_failed")),
    (registration(http_port=1, routes=("v1",)), "todo", (422, "validation_failed")),
    (registration(http_port=1, address="host:80"), "todo", (422, "validation_failed")),
    (registration(http_port=1, version="1\x00"), "todo", (422, "validation_failed")),
    (registration(http_port=1, zone="a\nb"), "todo", (422, "validation_failed")),
    (registration(http_port=1, metadata={"k\x00": "v"}), "todo", (422, "validation_failed")),
    (registration(http_port=1, health=HealthSpec(kind="grpc")), "todo", (422, "validation_failed")),
    (registration(http_port=1, health=HealthSpec(interval=0.0)), "todo", (422, "validation_failed")),
    (registration(http_port=1, health=HealthSpec(timeout=99.0)), "todo", (422, "validation_failed")),
]


def test_wrong_registrations_are_refused_alike_at_both_doors(door: Any, registry: RunningRegistry) -> None:
    for mine, caller, expected in WRONG:
        assert door.register(mine, caller) == expected, mine
    assert registry.states("todo") == {}


def test_each_wrong_field_is_named(registry: RunningRegistry) -> None:
    body = registration_to_json(registration(instance_id="UPPER", http_port=1, weight=-1))
    answer = registry.post("/v1/services/todo/instances", "todo", json=body)
    assert {each["pointer"] for each in answer.json()["errors"]} == {"/id", "/weight"}


def break_stream(lease: Lease) -> None:
    """Do what the kernel does when a process is killed."""
    lease._stopping.set()
    wait_until(lambda: lease._stream is not None)
    lease._stream.cancel()  # type: ignore[union-attr]


def test_a_broken_stream_of_a_dead_instance_is_down_for_watchers_within_a_second(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    registry.with_long_leases()
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    directory = clients.directory()
    wait_until(lambda: [each.state for each in directory.instances("todo")] == ["up"] and lease.desired_state)
    grpc_instance.stop()
    began = time.monotonic()
    break_stream(lease)
    wait_until(lambda: [each.state for each in directory.instances("todo")] == ["down"])
    assert time.monotonic() - began < 1.0


def test_who_dies_before_its_first_beat_is_down_within_a_second(
    registry: RunningRegistry, grpc_instance: GrpcInstance
) -> None:
    registry.with_long_leases()
    registry.call("Register", registration_to_proto(registration(grpc_port=grpc_instance.port)), "todo")
    grpc_instance.stop()
    began = time.monotonic()
    wait_until(lambda: registry.states("todo") == {"todo-1": "down"})
    assert time.monotonic() - began < 1.0


def test_who_dies_after_its_stream_broke_and_before_it_has_another_one_is_down_within_a_second(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    registry.with_long_leases()
    lease = clients.lease(registration(grpc_port=grpc_instance.port, health=HealthSpec(interval=300)))
    wait_until(lambda: registry.states("todo") == {"todo-1": "up"} and lease.desired_state)
    checks = checks_made()
    break_stream(lease)
    wait_until(lambda: checks_made() > checks)
    assert registry.states("todo") == {"todo-1": "up"}
    grpc_instance.stop()
    began = time.monotonic()
    wait_until(lambda: registry.states("todo") == {"todo-1": "down"})
    assert time.monotonic() - began < 1.0


def test_a_broken_stream_of_an_instance_that_answers_does_not_end_its_lease(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    registry.with_long_leases()
    lease = clients.lease(registration(grpc_port=grpc_instance.port, health=HealthSpec(interval=300)))
    wait_until(lambda: registry.states("todo") == {"todo-1": "up"} and lease.desired_state)
    checks = checks_made()
    break_stream(lease)
    wait_until(lambda: checks_made() > checks + 2)
    assert registry.states("todo") == {"todo-1": "up"}
    path = "/v1/services/todo/instances/todo-1/lease"
    assert registry.request("PUT", path, "todo", json={}).status_code == 200
    wait_until(lambda: not registry.node.registry.checker._doubts)
    assert registry.states("todo") == {"todo-1": "up"}


def checks_made() -> float:
    samples = next(iter(CHECKS.collect())).samples
    return sum(each.value for each in samples if each.name.endswith("_count"))


def test_of_many_that_do_not_answer_after_a_break_only_a_share_is_taken_for_dead(
    registry: RunningRegistry, http_instance: HttpInstance, clients: Clients
) -> None:
    registry.with_long_leases()
    health = HealthSpec(interval=300, timeout=30)
    leases = [
        clients.lease(registration(instance_id=f"todo-{number}", http_port=http_instance.port, health=health))
        for number in range(4)
    ]
    wait_until(lambda: all(lease.desired_state for lease in leases))
    wait_until(lambda: not registry.node.catalog.degraded("todo"))
    http_instance.release.clear()
    for lease in leases:
        break_stream(lease)
    downs: list[int] = []
    registry.node.changes.listen(lambda service: downs.append(list(registry.states("todo").values()).count("down")))
    wait_until(lambda: downs and downs[-1] == 1)
    assert sorted(registry.states("todo").values()) == ["down", "up", "up", "up"]


def test_one_beat_a_stream_holds_a_lease_as_well(registry: RunningRegistry, grpc_instance: GrpcInstance) -> None:
    mine = registration(grpc_port=grpc_instance.port)
    registry.call("Register", registration_to_proto(mine), "todo")
    until = time.monotonic() + 3 * registry.node.catalog.policy.ttl

    def beat() -> str:
        one = iter([pb.LeaseRequest(instance_id="todo-1", incarnation=mine.incarnation, in_flight=4)])
        with registry.rpc() as methods:
            answers = list(methods.Lease(one, metadata=as_metadata("todo"), timeout=5))
        assert [answer.desired_state for answer in answers] == [pb.STATE_UP]
        return str(registry.states("todo")["todo-1"])

    assert wait_until(lambda: beat() != "up" or time.monotonic() > until)
    assert registry.states("todo") == {"todo-1": "up"}


def test_what_an_operator_wants_reaches_the_instance_before_its_next_beat(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    registry.with_long_leases()  # beats every 20 s
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    wait_until(lambda: lease.desired_state == "up")
    for action, state in {"maintenance": "maintenance", "drain": "draining", "resume": "up"}.items():
        assert registry.post(f"/v1/services/todo/instances/todo-1/{action}", "admin").status_code == 200
        wait_until(lambda state=state: lease.desired_state == state, 3)


def test_an_incarnation_from_before_the_one_that_left_does_not_return(door: Any, registry: RunningRegistry) -> None:
    earlier, later = str(uuid7()), str(uuid7())
    assert door.register(registration(http_port=1, ready=False, incarnation=later), "todo")[0] == 201
    assert registry.request("DELETE", "/v1/services/todo/instances/todo-1", "todo").status_code == 204
    late = registration(http_port=1, ready=False, incarnation=earlier)
    assert door.register(late, "todo") == (409, "stale_incarnation")
    registry.stop()
    registry.start()
    assert door.register(late, "todo") == (409, "stale_incarnation"), "also after a restart"
    assert door.register(registration(http_port=1, ready=False, incarnation=later), "todo")[0] == 201


def test_without_its_database_the_registry_takes_registrations_and_refuses_to_promise_states(
    registry: RunningRegistry, grpc_instance: GrpcInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.with_long_leases()
    monkeypatch.setattr(services, "STORE_PATIENCE", 0.2)

    def away(*args: Any) -> Any:
        raise OperationalError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(journals, "_commit", away)
        registry.call("Register", registration_to_proto(registration(grpc_port=grpc_instance.port)), "todo")
        assert registry.states("todo") == {"todo-1": "up"}
        answer = registry.post("/v1/services/todo/instances/todo-1/maintenance", "admin")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_stored")
        assert answer.headers["retry-after"] == "1"
    assert wait_until(lambda: registry.post("/v1/services/todo/instances/todo-1/maintenance", "admin").ok)
    assert StoredInstance.objects.get(type="todo").desired == "maintenance"


def test_silence_ends_a_lease_and_a_beat_brings_it_back(registry: RunningRegistry, grpc_instance: GrpcInstance) -> None:
    mine = registration(grpc_port=grpc_instance.port)
    registry.call("Register", registration_to_proto(mine), "todo")
    wait_until(lambda: registry.states("todo") == {"todo-1": "down"})
    path = "/v1/services/todo/instances/todo-1/lease"

    def beats() -> bool:
        assert registry.request("PUT", path, "todo", json={"in_flight": 1}).status_code == 200
        return registry.states("todo") == {"todo-1": "up"}

    wait_until(beats)


def test_a_graceful_leave_removes_the_instance(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    assert lease.wait(5)
    lease.stop()
    assert registry.states("todo") == {}


def test_a_drained_instance_is_draining_and_told_so(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    assert lease.wait(5)
    assert lease.drain()
    assert registry.states("todo") == {"todo-1": "draining"}
    wait_until(lambda: lease.desired_state == "draining")
    assert registry.get("/v1/services/todo/resolve", "gateway").status_code == 503


def test_a_lease_over_http_works_where_grpc_does_not(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port), http_only=True)
    assert lease.wait(5)
    assert lease.drain()
    assert registry.states("todo") == {"todo-1": "draining"}
    lease.stop()
    assert registry.states("todo") == {}


def test_a_beat_takes_the_lease_over_from_another_registry(
    registry: RunningRegistry, grpc_instance: GrpcInstance
) -> None:
    registry.with_long_leases()
    registry.call("Register", registration_to_proto(registration(grpc_port=grpc_instance.port)), "todo")
    registry.node.catalog.record("todo", "todo-1").owner = "registry-2"
    path = "/v1/services/todo/instances/todo-1/lease"
    assert registry.request("PUT", path, "todo", json={}).status_code == 200
    wait_until(lambda: StoredInstance.objects.get(type="todo").owner == "registry-1")
    assert registry.node.catalog.record("todo", "todo-1").owner == "registry-1"


def test_an_unknown_lease_is_told_at_both_doors(registry: RunningRegistry) -> None:
    answer = registry.request("PUT", "/v1/services/todo/instances/ghost/lease", "todo", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_lease")
    beats = iter([pb.LeaseRequest(instance_id="ghost", incarnation=str(uuid7()))])
    with registry.rpc() as methods, pytest.raises(grpc.RpcError) as raised:
        next(methods.Lease(beats, metadata=as_metadata("todo"), timeout=5))
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND
    assert failure(raised.value)[0] == "unknown_lease"


def test_a_forgotten_instance_registers_again_by_itself(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    assert lease.wait(5)
    registry.node.catalog.drop("todo", "todo-1", "wiped by a test")
    wait_until(lambda: registry.states("todo") == {"todo-1": "up"})


def test_an_admin_controls_states_and_others_do_not(registry: RunningRegistry, grpc_instance: GrpcInstance) -> None:
    registry.call("Register", registration_to_proto(registration(grpc_port=grpc_instance.port)), "todo")
    item = "/v1/services/todo/instances/todo-1"
    expected = {"drain": "draining", "maintenance": "maintenance", "resume": "up"}
    for action, state in expected.items():
        assert registry.post(f"{item}/{action}", "auth").json()["code"] == "not_your_instance"
        assert registry.post(f"{item}/{action}").status_code == 401
        answer = registry.post(f"{item}/{action}", "admin", json={"reason": "a test"})
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    message = pb.SetStateRequest(type="todo", id="todo-1", state=pb.STATE_MAINTENANCE)
    assert registry.call("SetState", message, "admin").state == pb.STATE_MAINTENANCE
    assert registry.request("DELETE", item, "auth").status_code == 403
    assert registry.request("DELETE", item, "admin").status_code == 204
    assert registry.request("DELETE", item, "admin").status_code == 404


def test_an_old_incarnation_does_not_deregister_a_new_one(
    registry: RunningRegistry, grpc_instance: GrpcInstance
) -> None:
    mine = registration(grpc_port=grpc_instance.port)
    registry.call("Register", registration_to_proto(mine), "todo")
    message = pb.DeregisterRequest(type="todo", id="todo-1", incarnation=str(uuid7()))
    with pytest.raises(grpc.RpcError) as raised:
        registry.call("Deregister", message, "todo")
    assert failure(raised.value)[0] == "stale_incarnation"
    assert "todo-1" in registry.states("todo")


def test_a_sick_instance_goes_down_and_comes_back(registry: RunningRegistry, http_instance: HttpInstance) -> None:
    mine = registration(http_port=http_instance.port, health=HealthSpec(interval=0.5))
    body = registration_to_json(mine)
    assert registry.post("/v1/services/todo/instances", "todo", json=body).status_code == 201
    http_instance.status = 500

    def state_while_beating() -> str:
        registry.request("PUT", "/v1/services/todo/instances/todo-1/lease", "todo", json={})
        return registry.states("todo")["todo-1"]

    wait_until(lambda: state_while_beating() == "down")
    http_instance.status = 200
    wait_until(lambda: state_while_beating() == "up")


def test_a_warning_halves_the_weight(registry: RunningRegistry, http_instance: HttpInstance) -> None:
    http_instance.status = 429
    mine = registration(http_port=http_instance.port, weight=50)
    registry.call("Register", registration_to_proto(mine), "todo")
    found = registry.node.catalog.instance("todo", "todo-1")
    assert (found.state, found.weight, found.effective_weight) == ("up", 50, 25)


def test_a_proxied_health_check_asks_the_instance_now(registry: RunningRegistry, http_instance: HttpInstance) -> None:
    slow = HealthSpec(interval=300, timeout=0.3)
    registry.call("Register", registration_to_proto(registration(http_port=http_instance.port, health=slow)), "todo")
    path = "/v1/services/todo/instances/todo-1/health"
    answer = registry.get(path, "gateway")
    assert (answer.json()["status"], answer.json()["detail"]) == ("passing", "HTTP 200")
    http_instance.status = 503
    message = pb.CheckHealthRequest(type="todo", id="todo-1")
    assert registry.call("CheckHealth", message, "gateway").status == pb.HEALTH_STATUS_CRITICAL
    http_instance.release.clear()
    late = registry.get(path, "gateway")
    assert (late.status_code, late.json()["code"]) == (504, "instance_timeout")
    http_instance.stop()
    gone = registry.get(path, "gateway")
    assert (gone.status_code, gone.json()["code"]) == (502, "instance_unreachable")


def test_strangers_share_one_health_check_a_second(registry: RunningRegistry, http_instance: HttpInstance) -> None:
    slow = HealthSpec(interval=300)
    mine = registration("gateway", "gateway-1", http_port=http_instance.port, health=slow)
    registry.call("Register", registration_to_proto(mine), "gateway")
    before = http_instance.checks
    answers = [registry.get("/v1/services/gateway/instances/gateway-1/health") for _ in range(5)]
    assert {each.json()["status"] for each in answers} == {"passing"}
    assert {each.json()["detail"] for each in answers} == {""}
    assert http_instance.checks - before < 5
