"""RegistryDirectory against a Registry that comes and goes."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from libs.discovery import Instance, NoInstance, RegistryDirectory, watching
from libs.discovery.channels import stub
from tests.libs.discovery.fake_registry import FakeRegistry, signer, wait_until

ONE, TWO = Instance("todo", "todo-1"), Instance("todo", "todo-2")


@pytest.fixture
def directory(fake: FakeRegistry) -> Iterator[RegistryDirectory]:
    directory = RegistryDirectory([fake.address], signer())
    yield directory
    directory.stop()


def test_the_first_question_starts_the_watch_and_waits_for_all_types(
    fake: FakeRegistry, directory: RegistryDirectory
) -> None:
    fake.tell("auth")
    fake.tell("todo", ONE)
    assert directory.pick("todo") == ONE
    assert set(directory.services()) == {"auth", "todo"}
    assert directory.age() == 0.0


def test_changes_arrive_by_themselves(fake: FakeRegistry, directory: RegistryDirectory) -> None:
    fake.tell("todo", ONE)
    heard: list[str] = []
    assert directory.wait(5)
    directory.on_change(heard.append)
    fake.tell("todo", TWO)
    wait_until(lambda: list(directory.instances("todo")) == [TWO])
    assert heard == ["todo"]


def test_of_a_change_only_the_difference_arrives(fake: FakeRegistry, directory: RegistryDirectory) -> None:
    fake.tell("todo", ONE, TWO)
    assert directory.wait(5)
    three = Instance("todo", "todo-3")
    fake.tell_change("todo", three, removed=("todo-1",))
    wait_until(lambda: {each.id for each in directory.instances("todo")} == {"todo-2", "todo-3"})
    fake.tell_change("todo", Instance("todo", "todo-2", state="down"))
    wait_until(lambda: directory.pick("todo").id == "todo-3")


def test_a_registry_that_is_away_leaves_the_last_snapshot(fake: FakeRegistry, directory: RegistryDirectory) -> None:
    fake.tell("todo", ONE)
    assert directory.pick("todo") == ONE
    fake.stop()
    wait_until(lambda: directory.age() > 0)
    assert directory.pick("todo") == ONE
    fake.tell("todo", degraded=True)
    fake.start()
    wait_until(lambda: directory.age() == 0.0)
    assert directory.pick("todo") == ONE
    fake.tell("todo", TWO)
    wait_until(lambda: directory.pick("todo") == TWO)


class Stuck:
    """A stream that says nothing and does not even end when it is cancelled, as gRPC's may at a GOAWAY."""

    def __init__(self) -> None:
        self.test_over = threading.Event()

    def initial_metadata(self) -> None:
        self.test_over.wait()

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def cancel(self) -> None:
        """Change nothing."""


def test_a_stream_without_a_greeting_is_given_up(
    fake: FakeRegistry, directory: RegistryDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Stuck] = []

    def stuck_at_first(opened: grpc.Channel) -> Any:
        registry = stub(opened)
        if not made:
            made.append(Stuck())
            monkeypatch.setattr(registry, "Watch", lambda *_, **__: made[0])
        return registry

    monkeypatch.setattr(watching, "GREETING", 0.1)
    monkeypatch.setattr(watching, "stub", stuck_at_first)
    fake.tell("todo", ONE)
    directory.start()
    wait_until(lambda: list(directory.instances("todo")) == [ONE])
    made[0].test_over.set()


def test_a_listener_that_asks_while_the_first_snapshots_arrive_does_not_wait(
    fake: FakeRegistry, directory: RegistryDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FIRST_CONTACT", 60.0)
    fake.tell("auth")
    fake.tell("todo", ONE)
    heard: list[str] = []

    def ask(service: str) -> None:
        directory.services()
        heard.append(service)

    directory.on_change(ask)
    assert directory.wait(5)
    wait_until(lambda: set(heard) == {"auth", "todo"})


def test_another_registry_of_the_list_takes_over(fake: FakeRegistry) -> None:
    other = FakeRegistry().start()
    for registry in (fake, other):
        registry.tell("todo", ONE)
    directory = RegistryDirectory([fake.address, other.address], signer())
    assert directory.pick("todo") == ONE
    fake.stop()
    other.tell("todo", TWO)
    wait_until(lambda: directory.pick("todo") == TWO)
    directory.stop()
    other.stop()


def test_without_any_registry_the_first_question_gives_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FIRST_CONTACT", 0.2)
    directory = RegistryDirectory(["127.0.0.1:1"], signer())
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(NoInstance):
            directory.pick("todo")
    assert time.monotonic() - began < 2
    directory.stop()


async def test_on_an_event_loop_nothing_waits() -> None:
    directory = RegistryDirectory(["127.0.0.1:1"], signer())
    began = time.monotonic()
    with pytest.raises(NoInstance):
        directory.pick("todo")
    assert time.monotonic() - began < 1
    directory.stop()


class HttpRegistry(http.server.BaseHTTPRequestHandler):
    """Answers the two questions of the fallback."""

    def do_GET(self) -> None:
        document: dict[str, Any] = {"items": [{"type": "todo", "degraded": False}]}
        if self.path == "/v1/services/todo/instances":
            document = {"items": [{"type": "todo", "id": "todo-1", "state": "up", "last_check": None}], "revision": 1}
        body = json.dumps(document).encode()
        self.send_response(200 if self.headers["authorization"].startswith("Bearer ") else 401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return


def test_http_is_asked_where_grpc_does_not_answer() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), HttpRegistry)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    directory = RegistryDirectory(["127.0.0.1:1"], signer(), [f"http://127.0.0.1:{server.server_address[1]}/"])
    assert directory.pick("todo").id == "todo-1"
    assert directory.age() < 5
    directory.stop()
    server.shutdown()
    server.server_close()
    thread.join(5)
