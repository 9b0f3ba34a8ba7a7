from gateway_svc.routing.selectors import route_rows
from libs.discovery import Instance
from tests.gateway_svc.services import StaticDirectory


def test_lists_prefixes_with_their_service_and_instances(directory: StaticDirectory) -> None:
    instances = [
        Instance("todo", "todo-1", routes=("/v1/lists",), grpc_address="10.0.0.1:5000"),
        Instance("todo", "todo-2", state="draining", routes=("/v1/lists",), grpc_address="10.0.0.2:5000"),
    ]
    directory.update("todo", instances)

    assert route_rows(directory) == [
        ("/docs", "gateway", "itself"),
        ("/v1/lists", "todo", "todo-1 10.0.0.1:5000 up, todo-2 10.0.0.2:5000 draining"),
        ("/v1/openapi.json", "gateway", "itself"),
    ]
