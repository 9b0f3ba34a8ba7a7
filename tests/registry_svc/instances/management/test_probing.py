"""What the doctor finds out over the network, from real servers."""

from concurrent import futures
from typing import Any

import grpc
import pytest

from libs.discovery import Instance
from libs.rpc.registry_pb2_grpc import RegistryServicer, add_RegistryServicer_to_server
from libs.testing.ports import free_port
from registry_svc.instances.management.probing import connections, read_grpc, read_http, skews
from tests.registry_svc.instances.management.conftest import Serve
from tests.registry_svc.parts import GrpcInstance, HttpInstance, RunningRegistry


def instance(number: int = 1, **fields: Any) -> Instance:
    return Instance("todo", f"todo-{number}", **{"host": "127.0.0.1", **fields})


def test_all_addresses_are_tried_and_each_failure_says_why(
    http_instance: HttpInstance, grpc_instance: GrpcInstance
) -> None:
    closed = free_port()
    found = connections(
        [
            instance(http_port=http_instance.port, grpc_port=grpc_instance.port),
            instance(2, http_port=closed),
            instance(3, host="no-such-host.invalid", grpc_port=1),
            instance(4, host="x" * 64, grpc_port=1),
        ]
    )
    assert found[f"127.0.0.1:{http_instance.port}"] == found[f"127.0.0.1:{grpc_instance.port}"] == ""
    assert found[f"127.0.0.1:{closed}"] == "Connection refused"
    assert found["no-such-host.invalid:1"]
    assert found[f"{'x' * 64}:1"], "a name that can be no host's is just not reached"


def test_clocks_are_compared_by_what_healthz_tells(serve: Serve, grpc_instance: GrpcInstance) -> None:
    right, fast, slow, silent, gone = serve(), serve(ahead=3600), serve(ahead=-3600), serve(ahead=None), free_port()
    ports = (right, fast, slow, silent, gone)
    asked = [instance(number, http_port=port) for number, port in enumerate(ports, start=1)]
    found = skews([*asked, instance(9, grpc_port=grpc_instance.port)], connections(asked))
    assert set(found) == {"todo/todo-1", "todo/todo-2", "todo/todo-3"}
    assert found["todo/todo-1"] == pytest.approx(0, abs=2)
    assert found["todo/todo-2"] == pytest.approx(3600, abs=2)
    assert found["todo/todo-3"] == pytest.approx(-3600, abs=2)


def test_both_doors_of_a_registry_tell_the_same(todo: RunningRegistry) -> None:
    over_grpc, over_http = read_grpc(todo.address), read_http(f"{todo.url}/")
    assert over_grpc.fault == over_http.fault == ""
    assert over_grpc.names == over_http.names == {"registry/registry-1", "todo/todo-1"}
    assert {each.type for each in over_grpc.types} == {each.type for each in over_http.types}
    assert "admin" in {each.type for each in over_http.types}, "the Registry's token sees all"
    assert [each.host for each in over_http.instances] == ["127.0.0.1"] * 2


def test_a_door_that_is_closed_is_away() -> None:
    port = free_port()
    for found in (read_grpc(f"127.0.0.1:{port}"), read_http(f"http://127.0.0.1:{port}")):
        assert (found.fault, found.instances) == ("registry_away", ())
        assert found.detail
        assert "\n" not in found.detail


def test_another_grpc_server_is_no_registry(grpc_instance: GrpcInstance) -> None:
    assert read_grpc(f"127.0.0.1:{grpc_instance.port}").fault == "not_a_registry"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"items": 7}', b'{"items": [{"name": "todo"}]}', b'{"items": [7]}']
)
def test_another_http_server_is_no_registry(serve: Serve, body: bytes) -> None:
    assert read_http(f"http://127.0.0.1:{serve(body)}").fault == "not_a_registry"


@pytest.mark.parametrize(
    ("status", "fault"),
    [(401, "registry_refuses"), (403, "registry_refuses"), (404, "not_a_registry"), (503, "registry_away")],
)
def test_an_http_status_tells_what_is_wrong(http_instance: HttpInstance, status: int, fault: str) -> None:
    http_instance.status = status
    found = read_http(f"http://127.0.0.1:{http_instance.port}")
    assert (found.fault, found.detail) == (fault, f"HTTP {status}")


def test_a_registry_that_does_not_take_the_token_refuses() -> None:
    class Strict(RegistryServicer):
        def ListTypes(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
            context.set_trailing_metadata((("mt-code", "invalid_token"),))
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "The service token does not verify.")

    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    add_RegistryServicer_to_server(Strict(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    found = read_grpc(f"127.0.0.1:{port}")
    server.stop(0).wait(5)
    assert (found.fault, found.detail) == ("registry_refuses", "The service token does not verify.")
