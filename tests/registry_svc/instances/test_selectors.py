"""Resolving over both doors: strategies, zones, nobody there."""

from collections import Counter
from typing import Any

import grpc
import pytest

from libs.discovery import HealthSpec
from libs.discovery.channels import failure
from libs.discovery.protos import number, registration_to_proto
from libs.rpc import registry_pb2 as pb
from tests.registry_svc.parts import HttpInstance, RunningRegistry, registration

RESOLVE = "/v1/services/todo/resolve"


@pytest.fixture
def three(registry: RunningRegistry, http_instance: HttpInstance) -> RunningRegistry:
    """Three healthy instances of todo with weights 1, 2 and 7; the last one in another zone."""
    registry.with_long_leases()
    for index, weight in enumerate((1, 2, 7), start=1):
        mine = registration(
            instance_id=f"todo-{index}",
            http_port=http_instance.port,
            weight=weight,
            zone="b" if index == 3 else "a",
            health=HealthSpec(interval=300),
        )
        registry.call("Register", registration_to_proto(mine), "todo")
    return registry


def picks(registry: RunningRegistry, strategy: str, count: int) -> Counter[str]:
    message = pb.ResolveRequest(type="todo", strategy=number(pb.Strategy, strategy))
    return Counter(registry.call("Resolve", message, "gateway").instance.id for _ in range(count))


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("round_robin", {"todo-1": 10, "todo-2": 10, "todo-3": 10}),
        ("weighted_round_robin", {"todo-1": 3, "todo-2": 6, "todo-3": 21}),
    ],
)
def test_the_strategies_in_turn_are_exact(three: RunningRegistry, strategy: str, expected: dict[str, int]) -> None:
    assert picks(three, strategy, 30) == expected


@pytest.mark.parametrize("strategy", ["random", "weighted_random", "least_load", ""])
def test_every_strategy_answers_with_an_instance(three: RunningRegistry, strategy: str) -> None:
    assert set(picks(three, strategy, 5)) <= {"todo-1", "todo-2", "todo-3"}


def test_a_resolve_shows_the_instance_and_whether_it_is_in_doubt(three: RunningRegistry) -> None:
    answer = three.get(f"{RESOLVE}?strategy=round_robin", "gateway").json()
    assert answer["address"].startswith("http://127.0.0.1:")
    assert isinstance(answer["degraded"], bool)


def test_the_own_zone_is_preferred_where_somebody_is_well_there(three: RunningRegistry) -> None:
    seen = {three.get(f"{RESOLVE}?zone=b", "gateway").json()["id"] for _ in range(5)}
    assert seen == {"todo-3"}
    assert three.get(f"{RESOLVE}?zone=c", "gateway").status_code == 200


def test_load_reported_by_beats_is_what_least_load_compares(three: RunningRegistry) -> None:
    path = "/v1/services/todo/instances/todo-3/lease"
    assert three.request("PUT", path, "todo", json={"in_flight": 10_000}).status_code == 200
    assert picks(three, "least_load", 20)["todo-3"] == 0


def test_nobody_there_is_503_with_retry_after(registry: RunningRegistry) -> None:
    answer = registry.get(RESOLVE, "gateway")
    assert (answer.status_code, answer.json()["code"]) == (503, "no_healthy_instance")
    assert answer.headers["retry-after"] == "1"
    with pytest.raises(grpc.RpcError) as raised:
        registry.call("Resolve", pb.ResolveRequest(type="todo"), "gateway")
    assert failure(raised.value)[0] == "no_healthy_instance"


@pytest.mark.parametrize(
    "path",
    [f"{RESOLVE}?strategy=best", f"{RESOLVE}?colour=red", "/v1/services?x=1", "/v1/services/todo/instances?states=bad"],
)
def test_an_unknown_parameter_or_value_is_a_bad_request(registry: RunningRegistry, path: str) -> None:
    answer = registry.get(path, "gateway")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_instances_can_be_listed_by_state(three: RunningRegistry) -> None:
    three.post("/v1/services/todo/instances/todo-2/drain", "admin")

    def listed(states: str) -> list[Any]:
        answer = three.get(f"/v1/services/todo/instances?states={states}", "gateway").json()
        return [each["id"] for each in answer["items"]]

    assert listed("up") == ["todo-1", "todo-3"]
    assert listed("draining,down") == ["todo-2"]
    message = pb.ListInstancesRequest(type="todo", states=[pb.STATE_DRAINING])
    assert [each.id for each in three.call("ListInstances", message, "gateway").items] == ["todo-2"]


def test_types_are_counted(three: RunningRegistry) -> None:
    three.post("/v1/services/todo/instances/todo-2/maintenance", "admin")
    items = {each["type"]: each for each in three.get("/v1/services", "gateway").json()["items"]}
    assert (items["todo"]["visibility"], items["todo"]["instances"], items["todo"]["healthy"]) == ("internal", 3, 2)
    assert (items["auth"]["instances"], items["auth"]["healthy"]) == (0, 0)
