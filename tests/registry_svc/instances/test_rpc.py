"""The gRPC door's own manners: errors carry codes, streams end as told."""

import json
import threading
from typing import Any

import grpc
import pytest

from libs.discovery.channels import failure
from libs.discovery.protos import registration_to_proto
from libs.rpc import registry_pb2 as pb
from tests.registry_svc.parts import GrpcInstance, HttpInstance, RunningRegistry, as_metadata, registration, wait_until


def refused(registry: RunningRegistry, method: str, message: Any, service: str = "gateway") -> Any:
    with pytest.raises(grpc.RpcError) as raised:
        registry.call(method, message, service)
    return raised.value


def test_wrong_fields_are_named_in_the_trailing_metadata(registry: RunningRegistry) -> None:
    message = registration_to_proto(registration(instance_id="UPPER", http_port=1))
    error = refused(registry, "Register", message, "todo")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    errors = json.loads(dict(error.trailing_metadata())["mt-errors"])
    assert [each["pointer"] for each in errors] == ["/id"]


def test_a_health_check_of_an_unknown_kind_is_no_default(registry: RunningRegistry) -> None:
    message = registration_to_proto(registration(http_port=1))
    message.health.kind = 77  # type: ignore[assignment]
    error = refused(registry, "Register", message, "todo")
    assert json.loads(dict(error.trailing_metadata())["mt-errors"])[0]["pointer"] == "/health/kind"


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("Resolve", pb.ResolveRequest(type="todo", strategy=99)),  # type: ignore[arg-type]
        ("ListInstances", pb.ListInstancesRequest(type="todo", states=[99])),  # type: ignore[list-item]
    ],
)
def test_values_of_another_time_are_bad_requests(registry: RunningRegistry, method: str, message: Any) -> None:
    assert failure(refused(registry, method, message))[0] == "invalid_parameter"


def test_only_three_states_can_be_wished_for(registry: RunningRegistry, grpc_instance: GrpcInstance) -> None:
    registry.call("Register", registration_to_proto(registration(grpc_port=grpc_instance.port)), "todo")
    for state in (pb.STATE_DOWN, pb.STATE_STARTING, pb.STATE_UNSPECIFIED):
        error = refused(registry, "SetState", pb.SetStateRequest(type="todo", id="todo-1", state=state), "todo")
        assert failure(error)[0] == "validation_failed"


def test_an_unexpected_error_is_internal_and_tells_nothing(registry: RunningRegistry) -> None:
    registry.node.registry.balancers = None
    registry.node.catalog.pool = None
    error = refused(registry, "Resolve", pb.ResolveRequest(type="todo"))
    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal error")
    del registry.node.catalog.pool


def test_a_lease_belongs_to_the_stream_that_took_it_last(
    registry: RunningRegistry, http_instance: HttpInstance
) -> None:
    mine = registration(http_port=http_instance.port)
    registry.call("Register", registration_to_proto(mine), "todo")
    beat = pb.LeaseRequest(instance_id=mine.id, incarnation=mine.incarnation)
    with registry.rpc() as old, registry.rpc() as new:
        silent = threading.Event()
        first = old.Lease(_once(beat, silent), metadata=as_metadata("todo"))
        next(first)
        second = new.Lease(_endless(beat), metadata=as_metadata("todo"))
        next(second)
        next(second)
        first.cancel()
        silent.set()
        for _ in range(20):
            next(second)
        assert registry.states("todo") == {"todo-1": "up"}
        second.cancel()
        wait_until(lambda: registry.states("todo") == {"todo-1": "down"})


def test_an_anonymous_lease_is_refused(registry: RunningRegistry) -> None:
    with registry.rpc() as methods, pytest.raises(grpc.RpcError) as raised:
        next(methods.Lease(iter([pb.LeaseRequest(instance_id="todo-1")]), timeout=5))
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


def _once(beat: pb.LeaseRequest, over: threading.Event) -> Any:
    yield beat
    over.wait(10)


def _endless(beat: pb.LeaseRequest) -> Any:
    while True:
        yield beat
