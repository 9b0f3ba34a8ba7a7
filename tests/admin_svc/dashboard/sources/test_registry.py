"""The Registry over HTTP: a small real server plays it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from admin_svc.dashboard.errors import RegistryAway
from admin_svc.dashboard.sources.registry import RegistryClient
from libs.contracts.errors import BadGateway, Conflict, NotFound
from libs.service.identity import signer

NOWHERE = "http://127.0.0.1:1"
ANSWERS = {
    "/v1/services": (200, {"items": []}),
    "/v1/services/todo/instances/x/drain": (409, {"code": "already_down", "detail": "it is down"}),
    "/v1/services/todo/instances/y/drain": (204, None),
    "/v1/broken": (500, None),
}


class Registry(BaseHTTPRequestHandler):
    """Answers from the table above and remembers who asked."""

    seen: list[str]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append(self.headers["Authorization"])
        status, body = ANSWERS.get(self.path, (404, {"code": "not_found", "detail": "there is no such thing"}))
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815  (the base class asks for this name)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[str]:
    Registry.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_asks_with_the_services_own_token(registry: str) -> None:
    assert RegistryClient([registry], signer()).call("GET", "/v1/services") == {"items": []}
    assert Registry.seen == [f"Bearer {signer().cached_token('registry')}"]


def test_it_asks_the_next_registry_when_one_is_away(registry: str) -> None:
    assert RegistryClient([NOWHERE, registry], signer()).call("GET", "/v1/services") == {"items": []}


def test_when_none_answers_the_registry_is_away() -> None:
    with pytest.raises(RegistryAway):
        RegistryClient([NOWHERE], signer()).call("GET", "/v1/services")


def test_an_action_without_a_body_gives_none(registry: str) -> None:
    assert RegistryClient([registry], signer()).call("POST", "/v1/services/todo/instances/y/drain", body={}) is None


def test_a_refusal_keeps_its_code_and_reason(registry: str) -> None:
    with pytest.raises(Conflict, match="it is down") as refusal:
        RegistryClient([registry], signer()).call("POST", "/v1/services/todo/instances/x/drain", body={})
    assert refusal.value.code == "already_down"


def test_what_is_not_there_is_not_found(registry: str) -> None:
    with pytest.raises(NotFound):
        RegistryClient([registry], signer()).call("GET", "/v1/nothing")


def test_an_answer_that_is_no_problem_document_is_a_bad_answer(registry: str) -> None:
    with pytest.raises(BadGateway, match="the registry answered 500"):
        RegistryClient([registry], signer()).call("GET", "/v1/broken")
