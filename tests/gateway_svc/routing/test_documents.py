import json
from typing import Any

import pytest

from gateway_svc.routing import documents
from gateway_svc.routing.documents import MergedDocument, fetch_document
from libs.contracts.errors import ServiceError, Unavailable
from libs.discovery import Instance
from tests.gateway_svc.services import StaticDirectory, World, answering


class Services:
    """Gives each service a document with one path, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away: set[str] = set()

    def fetch(self, service: str) -> dict[str, Any]:
        self.asked.append(service)
        if service in self.away:
            raise Unavailable
        return {"paths": {f"/v1/{service}": {"get": {}}}}


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


def test_is_made_anew_when_an_instance_is_replaced(
    merged: MergedDocument, services: Services, directory: StaticDirectory
) -> None:
    before = merged.current()
    directory.update("todo", [up("todo", "two")])

    assert merged.current() is not before
    assert merged.current().etag == before.etag


def test_a_service_that_went_is_left_out(merged: MergedDocument, directory: StaticDirectory) -> None:
    merged.current()
    directory.update("todo", [up("todo", state="down")])

    assert paths(merged) == {"/v1/auth"}


def test_a_service_that_fails_is_left_out_for_a_while(merged: MergedDocument, services: Services) -> None:
    services.away = {"todo"}
    assert paths(merged) == {"/v1/auth"}
    services.away = set()

    assert paths(merged) == {"/v1/auth"}
    assert services.asked == ["auth", "todo"]


def test_a_service_that_failed_is_asked_again_later(
    merged: MergedDocument, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "RETRY_SECONDS", -1.0)
    services.away = {"todo"}
    assert paths(merged) == {"/v1/auth"}
    services.away = set()

    assert paths(merged) == {"/v1/auth", "/v1/todo"}


def test_fetches_over_the_bridge(world: World) -> None:
    world.run("todo", answering("200 OK", [("Content-Type", "application/json")], b'{"paths": {}}'))

    assert fetch_document("todo") == {"paths": {}}


@pytest.mark.parametrize(
    ("status", "body"), [("500 Oops", b""), ("200 OK", b"no json"), ("200 OK", b"[]")], ids=["500", "text", "list"]
)
def test_what_is_no_document_is_an_error(world: World, status: str, body: bytes) -> None:
    world.run("todo", answering(status, [], body))

    with pytest.raises((ServiceError, ValueError)):
        fetch_document("todo")
