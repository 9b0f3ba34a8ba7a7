"""A Registry's restart, as its clients see it."""

from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from libs.testing.events import Published
from registry_svc.instances.models import StoredInstance, Transition
from tests.registry_svc.parts import Clients, GrpcInstance, RunningRegistry, registration, wait_until


def test_a_restart_does_not_interrupt_clients(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    directory = clients.directory()
    assert lease.wait(5)
    assert wait_until(lambda: directory.instances("todo"))
    states: list[str] = []
    directory.on_change(lambda kind: states.extend(each.state for each in directory.instances("todo")))
    registry.stop()
    assert directory.pick("todo").id == "todo-1"
    registry.start()
    assert registry.states("todo") == {"todo-1": "up"}, "it is restored from the database"
    assert lease.wait(5)
    wait_until(lambda: directory.age() == 0.0)
    wait_until(lambda: not registry.node.catalog.degraded("todo"))
    assert directory.pick("todo").id == "todo-1"
    assert set(states) <= {"up"}


def test_a_wiped_registry_is_filled_again_by_its_clients(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    directory = clients.directory()
    assert lease.wait(5)
    assert wait_until(lambda: directory.instances("todo"))
    missing: list[str] = []
    directory.on_change(lambda kind: None if directory.instances("todo") else missing.append(kind))
    registry.stop()
    StoredInstance.objects.all().delete()
    registry.start()
    wait_until(lambda: registry.states("todo") == {"todo-1": "up"})
    assert directory.pick("todo").id == "todo-1"
    assert missing == []


def test_who_died_during_the_restart_is_down_after_the_warm_up(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    assert lease.wait(5)
    registry.stop()
    lease._stopping.set()
    registry.start()
    assert registry.states("todo") == {"todo-1": "up"}
    assert registry.get("/v1/services/todo/resolve", "gateway").json()["degraded"] is True
    wait_until(lambda: registry.states("todo") == {"todo-1": "down"})


def test_the_own_row_is_there_while_the_registry_runs(registry: RunningRegistry) -> None:
    item = registry.get("/v1/services/registry/instances").json()["items"][0]
    assert (item["id"], item["state"], item["address"]) == ("registry-1", "up", registry.url)
    registry.stop()
    assert not StoredInstance.objects.filter(type="registry", gone_at=None).exists()


def test_history_tells_every_change_of_a_state(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    assert lease.wait(5)
    lease.drain()
    lease.stop()

    def history() -> list[Any]:
        return list(Transition.objects.filter(type="todo").order_by("pk").values_list("before", "after"))

    wait_until(lambda: history() == [("", "up"), ("up", "draining"), ("draining", "")])


def told(published: Published, instance: str = "todo-1") -> list[tuple[int, str]]:
    mine = [each for each in published if each.aggregate_id == instance]
    return [(each.sequence, each.type.removeprefix("registry.instance.")) for each in mine]


def test_other_services_are_told_that_an_instance_came_drained_and_left(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance, published: Published
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    assert lease.wait(5)
    lease.drain()
    lease.stop()
    wait_until(lambda: told(published) == [(1, "up"), (2, "draining"), (3, "down")])
    assert [each.data["reason"] for each in published if each.aggregate_id == "todo-1"] == [
        "registered",
        "todo: the instance is shutting down",
        "todo: deregistered",
    ]


def test_a_restart_tells_of_the_registry_itself_and_of_nobody_else(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance, published: Published
) -> None:
    lease = clients.lease(registration(grpc_port=grpc_instance.port))
    assert lease.wait(5)
    registry.stop()
    registry.start()
    assert lease.wait(5)
    wait_until(lambda: not registry.node.catalog.degraded("todo"))
    registry.node.journal.flush().result(5)
    assert told(published) == [(1, "up")]
    assert told(published, "registry-1") == [(1, "up"), (2, "down"), (3, "up")]


def test_the_registry_itself_is_well_by_grpc_and_http_without_a_token(registry: RunningRegistry) -> None:
    with grpc.insecure_channel(registry.address) as opened:
        for service in ("", "microtodo.registry.v1.Registry"):
            answer = health_pb2_grpc.HealthStub(opened).Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert registry.get("/healthz").json() == {"status": "passing"}


def test_reflection_names_the_registry_for_tools_like_grpcurl(registry: RunningRegistry) -> None:
    with grpc.insecure_channel(registry.address) as opened:
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = reflection_pb2_grpc.ServerReflectionStub(opened).ServerReflectionInfo(iter([question]), timeout=5)
        names = {each.name for each in next(answers).list_services_response.service}
    assert {"microtodo.registry.v1.Registry", "grpc.health.v1.Health"} <= names


def test_the_local_directory_finds_others_without_the_network(
    registry: RunningRegistry, clients: Clients, grpc_instance: GrpcInstance
) -> None:
    lease = clients.lease(registration("logger", "logger-1", grpc_port=grpc_instance.port))
    assert lease.wait(5)
    wait_until(lambda: registry.node.directory.instances("logger"))
    assert registry.node.directory.pick("logger").id == "logger-1"
    assert registry.node.directory.age() == 0.0
