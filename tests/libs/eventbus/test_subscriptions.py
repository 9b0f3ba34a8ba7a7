"""A worker tells Events its table of reactions."""

import json
from collections.abc import Iterator

import pytest

from libs import discovery
from libs.contracts.errors import Unavailable
from libs.eventbus.reactions import versions
from libs.eventbus.subscriptions import subscribe
from libs.rpc import http_bridge_pb2 as pb


class Recorder:
    """A bridge client that answers every call alike."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.requests: list[pb.Request] = []

    def handle(self, target: str, audience: str, request: pb.Request, timeout: float) -> pb.Response:
        self.requests.append(request)
        return pb.Response(status=self.status, body=b"{}")


@pytest.fixture
def events_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recorder]]:
    known = discovery.Snapshots()
    known.update("events", [discovery.Instance(type="events", id="events-1", grpc_address="127.0.0.1:1")])
    made: list[Recorder] = []

    def answer(status: int) -> Recorder:
        made.append(Recorder(status))
        discovery.install(known, made[-1])
        return made[-1]

    yield answer
    discovery.install(None, None)


def test_the_patterns_of_the_table_are_sent_with_their_versions_and_the_queue(events_answers: type[Recorder]) -> None:
    recorder = events_answers(200)
    subscribe({"todo.*": versions(1, 2)(lambda event: None), "auth.user.*": None})
    (request,) = recorder.requests
    assert (request.method, request.raw_path) == ("POST", b"/v1/subscriptions")
    assert json.loads(request.body) == {
        "patterns": ["auth.user.*", "todo.*"],
        "versions": {"auth.user.*": [1], "todo.*": [1, 2]},
        "queue": "todo.events",
    }


def test_a_refusal_is_told_so_that_the_loop_tries_again(events_answers: type[Recorder]) -> None:
    events_answers(503)
    with pytest.raises(Unavailable):
        subscribe({})
