"""ServiceClient over a real bridge server."""

from collections.abc import Iterator

import grpc
import pytest

from libs.contracts.errors import BadGateway, DeadlineExceeded, NotFound, Unavailable
from libs.discovery import Instance, NoInstance, ServiceClient, Snapshots, bridge, current, directory, install
from libs.discovery.client import IDEMPOTENT
from libs.identity.principal import Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.telemetry import context


class Recorder:
    """A bridge client that gives prepared answers, or raises, by target."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, pb.Request]] = []
        self.answers: dict[str, pb.Response | Exception] = {}

    def handle(self, target: str, audience: str, request: pb.Request, timeout: float) -> pb.Response:
        copied = pb.Request()
        copied.CopyFrom(request)
        self.sent.append((target, copied))
        assert 0 < timeout <= 5
        answer = self.answers[target]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def last(self) -> pb.Request:
        return self.sent[-1][1]


class Failure(grpc.RpcError):
    """A failed call."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "by the test"


GONE = Failure(grpc.StatusCode.UNAVAILABLE)
FINE = pb.Response(
    status=200, headers=[pb.Header(name="content-type", value=b"application/json")], body=b'{"ok": true}'
)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    known, recorder = Snapshots(), Recorder()
    known.update("todo", [Instance("todo", name, grpc_address=name) for name in ("a", "b")])
    before = current._installed.directory, current._installed.client
    install(known, recorder)  # type: ignore[arg-type]
    yield recorder
    current._installed.directory, current._installed.client = before


def test_a_request_carries_everything_it_was_given(recorder: Recorder) -> None:
    recorder.answers = {"a": FINE, "b": FINE}
    with context.bound(request_id="r-1"):
        answer = ServiceClient("todo").post(
            "/v1/lists/ä b",
            params={"limit": 2, "q": "x y"},
            json={"name": "ü"},
            headers={"X-Batch": "1"},
            principal=Principal("u-1", scopes=frozenset({"lists:read"})),
        )
    assert (answer.status, answer.json(), answer.headers["content-type"]) == (200, {"ok": True}, "application/json")
    sent = recorder.last
    assert (sent.method, sent.raw_path, sent.query) == ("POST", b"/v1/lists/%C3%A4%20b", b"limit=2&q=x+y")
    assert {header.name: header.value for header in sent.headers} == {
        "content-type": b"application/json",
        "x-batch": b"1",
    }
    assert (sent.request_id, sent.principal.user_id, list(sent.principal.scopes)) == ("r-1", "u-1", ["lists:read"])


def test_raw_content_is_sent_as_it_is(recorder: Recorder) -> None:
    recorder.answers = {"a": FINE, "b": FINE}
    ServiceClient("todo").post("/v1/logs", content=b"\x1f\x8b", headers={"content-type": "application/x-ndjson"})
    assert recorder.last.body == b"\x1f\x8b"
    assert not recorder.last.HasField("principal")


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_an_idempotent_request_is_sent_again_to_another_instance(recorder: Recorder, method: str) -> None:
    recorder.answers = {"a": GONE, "b": FINE}
    for _ in range(20):
        assert getattr(ServiceClient("todo"), method)("/v1/x").status == 200
    targets = [target for target, _ in recorder.sent]
    assert targets.count("a") <= 1, "it is avoided after the first failure"
    assert targets.count("b") == 20


def test_a_post_is_not_sent_again(recorder: Recorder) -> None:
    recorder.answers = {"a": GONE, "b": GONE}
    with pytest.raises(Unavailable):
        ServiceClient("todo").post("/v1/x")
    assert len(recorder.sent) == 1
    assert "POST" not in IDEMPOTENT


def test_two_failures_are_enough(recorder: Recorder) -> None:
    recorder.answers = {"a": GONE, "b": GONE}
    with pytest.raises(Unavailable) as raised:
        ServiceClient("todo").get("/v1/x")
    assert raised.value.code == "service_unavailable"
    assert len(recorder.sent) == 2


@pytest.mark.parametrize(
    ("code", "expected"),
    [(grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceeded), (grpc.StatusCode.UNAUTHENTICATED, BadGateway)],
)
def test_other_failures_are_not_repeated(recorder: Recorder, code: grpc.StatusCode, expected: type[Exception]) -> None:
    recorder.answers = {"a": Failure(code), "b": Failure(code)}
    with pytest.raises(expected):
        ServiceClient("todo").get("/v1/x")
    assert len(recorder.sent) == 1


def test_no_instance_at_all_says_so(recorder: Recorder) -> None:
    with pytest.raises(NoInstance):
        ServiceClient("logger").get("/v1/logs")


def test_a_request_is_no_longer_in_flight_when_it_ended(recorder: Recorder) -> None:
    recorder.answers = {"a": FINE, "b": GONE}
    for _ in range(5):
        ServiceClient("todo").get("/v1/x")
    assert not directory()._in_flight  # type: ignore[attr-defined]


def test_a_problem_becomes_the_error_it_describes(recorder: Recorder) -> None:
    problem = pb.Response(
        status=404,
        headers=[pb.Header(name="content-type", value=b"application/problem+json")],
        body=b'{"status": 404, "code": "list_not_found", "detail": "No such list."}',
    )
    recorder.answers = {"a": problem, "b": problem}
    with pytest.raises(NotFound) as raised:
        ServiceClient("todo").get("/v1/x").raise_for_status()
    assert (raised.value.code, raised.value.detail) == ("list_not_found", "No such list.")


def test_nothing_installed_is_a_clear_error() -> None:
    before = current._installed.directory, current._installed.client
    current._installed.directory = current._installed.client = None
    for missing in (directory, bridge):
        with pytest.raises(current.NotInstalled):
            missing()
    current._installed.directory, current._installed.client = before
