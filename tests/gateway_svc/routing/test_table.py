import pytest

from gateway_svc.routing.errors import NoRoute
from gateway_svc.routing.table import RouteTable
from libs.discovery import Instance
from tests.gateway_svc.services import StaticDirectory


def todo(*routes: str, name: str = "todo-1") -> Instance:
    return Instance("todo", name, routes=routes)


@pytest.fixture
def table(directory: StaticDirectory) -> RouteTable:
    made = RouteTable(directory)
    directory.update("todo", [todo("/v1/lists", "/v1/tasks"), todo("/v1/trash", name="todo-2")])
    directory.update("notes", [Instance("notes", "notes-1", routes=("/v1/lists/notes",))])
    return made


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/lists", "todo"),
        ("/v1/lists/7/tasks", "todo"),
        ("/v1/tasks:batch", "todo"),
        ("/v1/trash", "todo"),
        ("/v1/lists/notes", "notes"),
        ("/v1/lists/notes/7", "notes"),
        ("/v1/lists/notesx", "todo"),
        ("/docs", "gateway"),
        ("/docs/swagger-ui.css", "gateway"),
        ("/v1/openapi.json", "gateway"),
    ],
)
def test_takes_the_longest_prefix_of_whole_segments(table: RouteTable, path: str, service: str) -> None:
    assert table.find(path).service == service


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/listsx", "/v1/task", "/internal/v1/revocations", "/openapi.json"])
def test_knows_no_other_path(table: RouteTable, path: str) -> None:
    with pytest.raises(NoRoute):
        table.find(path)


def test_remembers_the_routes_of_a_service_without_instances(table: RouteTable, directory: StaticDirectory) -> None:
    directory.update("todo", [])

    assert table.find("/v1/lists").service == "todo"


def test_forgets_a_route_that_the_service_gave_up(table: RouteTable, directory: StaticDirectory) -> None:
    directory.update("todo", [todo("/v1/lists")])

    with pytest.raises(NoRoute):
        table.find("/v1/tasks")


def test_internal_paths_are_nobodys_even_when_registered(table: RouteTable, directory: StaticDirectory) -> None:
    directory.update("todo", [todo("/internal", "/")])

    with pytest.raises(NoRoute):
        table.find("/internal/v1/events")
    assert table.find("/anything").service == "todo"


def test_no_service_takes_over_the_gateways_own_paths(table: RouteTable, directory: StaticDirectory) -> None:
    directory.update("gateway", [Instance("gateway", "gateway-9", routes=("/v1/lists",))])

    assert table.find("/v1/lists").service == "todo"


def test_loads_what_the_directory_knew_before(directory: StaticDirectory) -> None:
    directory.update("todo", [todo("/v1/lists")])
    table = RouteTable(directory)
    table.load()

    assert table.find("/v1/lists").service == "todo"
