import json
from typing import Any

import pytest

from gateway_svc.routing import documents
from gateway_svc.routing.documents import MergedDocument, fetch_document
from libs.contracts.errors import ServiceError, Unavailable
from libs.discovery import Instance
from tests.gateway_svc.services import StaticDirectory, World, answering

DOCUMENT = b'{"openapi": "3.1.0", "paths": {}}'


class Services:
    """Gives each service a document with one path, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away: set[str] = set()
        self.paths: dict[str, list[str]] = {}

    def fetch(self, service: str) -> dict[str, Any]:
        self.asked.append(service)
        if service in self.away:
            raise Unavailable
        return {"paths": {path: {"get": {}} for path in self.paths.get(service, [f"/v1/{service}"])}}


def up(service: str, incarnation: str = "one", **changes: Any) -> Instance:
    return Instance(service, f"{service}-1", incarnation, routes=(f"/v1/{service}",), **changes)


def paths(merged: MergedDocument) -> set[str]:
    return set(json.loads(merged.current().body)["paths"])


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def merged(directory: StaticDirectory, services: Services) -> MergedDocument:
    directory.update("auth", [up("auth")])
    directory.update("todo", [up("todo")])
    directory.update("logger", [Instance("logger", "logger-1")])
    return MergedDocument(directory, version="1", fetch=services.fetch)


def test_asks_each_service_with_routes_once(merged: MergedDocument, services: Services) -> None:
    assert paths(merged) == {"/v1/auth", "/v1/todo"}
    assert merged.current() is merged.current()
    assert services.asked == ["auth", "todo"]


def test_only_the_service_whose_instance_is_replaced_is_asked_anew(
    merged: MergedDocument, services: Services, directory: StaticDirectory
) -> None:
    before = merged.current()
    services.paths["todo"] = ["/v1/todo", "/v1/todo/new"]
    directory.update("todo", [up("todo", "two")])

    assert paths(merged) == {"/v1/auth", "/v1/todo", "/v1/todo/new"}
    assert merged.current().etag != before.etag
    assert services.asked == ["auth", "todo", "todo"]


def test_what_says_the_same_has_the_same_tag(merged: MergedDocument, directory: StaticDirectory) -> None:
    before = merged.current()
    directory.update("todo", [up("todo", "two")])

    assert merged.current() is not before
    assert merged.current().etag == before.etag


def test_a_new_route_shows_what_lies_below_it(
    merged: MergedDocument, services: Services, directory: StaticDirectory
) -> None:
    services.paths["todo"] = ["/v1/todo", "/v1/tasks"]
    assert paths(merged) == {"/v1/auth", "/v1/todo"}
    directory.update("todo", [Instance("todo", "todo-1", "two", routes=("/v1/todo", "/v1/tasks"))])

    assert paths(merged) == {"/v1/auth", "/v1/todo", "/v1/tasks"}


def test_a_service_that_went_is_remembered(
    merged: MergedDocument, services: Services, directory: StaticDirectory
) -> None:
    merged.current()
    directory.update("todo", [up("todo", state="down")])

    assert paths(merged) == {"/v1/auth", "/v1/todo"}
    assert services.asked == ["auth", "todo"]


def test_a_service_that_fails_from_the_start_is_left_out_for_a_while(
    merged: MergedDocument, services: Services
) -> None:
    services.away = {"todo"}
    assert paths(merged) == {"/v1/auth"}
    services.away = set()

    assert paths(merged) == {"/v1/auth"}
    assert services.asked == ["auth", "todo"]


def test_a_service_that_fails_after_a_change_is_shown_as_it_was(
    merged: MergedDocument, services: Services, directory: StaticDirectory
) -> None:
    merged.current()
    services.away = {"todo"}
    directory.update("todo", [up("todo", "two")])

    assert paths(merged) == {"/v1/auth", "/v1/todo"}


def test_a_service_that_failed_is_asked_again_later(
    merged: MergedDocument, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "RETRY_SECONDS", -1.0)
    services.away = {"todo"}
    assert paths(merged) == {"/v1/auth"}
    services.away = set()

    assert paths(merged) == {"/v1/auth", "/v1/todo"}


def test_fetches_over_the_bridge(world: World) -> None:
    world.run("todo", answering("200 OK", [("Content-Type", "application/json")], DOCUMENT))

    assert fetch_document("todo") == {"openapi": "3.1.0", "paths": {}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("500 Oops", DOCUMENT),
        ("200 OK", b"no json"),
        ("200 OK", b"[]"),
        ("200 OK", b"{}"),
        ("200 OK", b'{"openapi": "3.0.3"}'),
        ("200 OK", b'{"openapi": "3.1.0", "paths": []}'),
        ("200 OK", b'{"openapi": "3.1.0", "components": {"schemas": []}}'),
    ],
)
def test_what_is_no_document_is_an_error(world: World, status: str, body: bytes) -> None:
    world.run("todo", answering(status, [], body))

    with pytest.raises((ServiceError, ValueError)):
        fetch_document("todo")
