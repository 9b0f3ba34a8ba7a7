import json
import re
from typing import Any

import pytest
from django.conf import settings

from gateway_svc.routing.api import views
from tests.gateway_svc.conftest import Ask
from tests.gateway_svc.services import World, answering

DOCUMENT = {"openapi": "3.1.0", "paths": {"/v1/lists": {"get": {"operationId": "lists"}}, "/openapi.json": {"get": {}}}}


@pytest.fixture(autouse=True)
def _fresh_document() -> Any:
    views.merged_document.cache_clear()
    yield
    views.merged_document.cache_clear()


async def test_serves_the_merged_document_of_what_clients_can_reach(ask: Ask, world: World) -> None:
    app = answering("200 OK", [("Content-Type", "application/json")], json.dumps(DOCUMENT).encode())
    world.run("todo", app, routes=("/v1/lists",))

    reply = await ask("GET", "/v1/openapi.json")

    assert (reply.status, reply["content-type"]) == (200, "application/json")
    assert list(reply.json()["paths"]) == ["/v1/lists"]
    assert reply.json()["info"]["version"] == settings.VERSION


async def test_a_known_document_is_304(ask: Ask) -> None:
    etag = (await ask("GET", "/v1/openapi.json"))["etag"]

    reply = await ask("GET", "/v1/openapi.json", [(b"if-none-match", f'"other", W/{etag}'.encode())])

    assert (reply.status, reply.body, reply["etag"]) == (304, b"", etag)


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
async def test_the_explorer_takes_all_its_files_from_here(ask: Ask, path: str) -> None:
    page = await ask("GET", path)

    files = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
    assert (page.status, page["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'self'" in page["content-security-policy"]
    assert len(files) >= 4
    for file in files:
        assert (await ask("GET", file)).status == 200


async def test_the_explorer_shows_the_merged_document(ask: Ask) -> None:
    script = await ask("GET", "/docs/explorer.js")

    assert b'"/v1/openapi.json"' in script.body
    assert b"validatorUrl: null" in script.body  # else it would send the document's address to swagger.io
    assert script["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/docs/nothing.js", "/docs/redoc/LICENSE", "/docs/views.py"])
async def test_other_files_are_404(ask: Ask, path: str) -> None:
    reply = await ask("GET", path)

    assert (reply.status, reply["content-type"]) == (404, "application/problem+json")
    assert reply.json()["request_id"] == reply["x-request-id"]


async def test_pages_are_read_only(ask: Ask) -> None:
    reply = await ask("POST", "/docs")

    assert (reply.status, reply["allow"]) == (405, "GET, HEAD")
    assert reply.json()["code"] == "method_not_allowed"
