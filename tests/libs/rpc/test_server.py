import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.identity.principal import ENVIRON_KEY, Call, Caller, Principal
from libs.identity.service_tokens import ServiceSigner
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc import server as module
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.messages import from_principal
from libs.rpc.server import BRIDGE_NAME, BridgeServer
from libs.rpc.status import code_of
from tests.libs.rpc.apps import Held

Serve = Callable[..., Any]
SERVING, NOT_SERVING = 1, 2


def ok(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REQUEST_METHOD"].encode(), b" ", environ["PATH_INFO"].encode("latin-1")]


def request(path: bytes = b"/v1/lists", **fields: Any) -> pb.Request:
    return pb.Request(method="GET", raw_path=path, authority="todo", **fields)


def failure(target: str, authorization: str | None) -> grpc.StatusCode:
    metadata = () if authorization is None else (("authorization", authorization),)
    with grpc.insecure_channel(target) as channel:
        call: Any = channel.unary_unary("/microtodo.http.v1.HttpBridge/Handle", pb.Request.SerializeToString)
        with pytest.raises(grpc.RpcError) as raised:
            call(request(), timeout=5, metadata=metadata)
    return code_of(raised.value)


def test_answers_a_service_over_loopback(serve: Serve, client_of: Callable[[str], Any]) -> None:
    bridge = serve(ok)

    answer = client_of("gateway").handle(bridge.target, "todo", request(), 5)

    assert (answer.status, answer.body) == (200, b"GET /v1/lists")


def test_refuses_a_caller_without_a_valid_token(serve: Serve, signer_of: Callable[[str], ServiceSigner]) -> None:
    bridge = serve(ok)
    for_other = signer_of("gateway").token("auth")

    for authorization in (
        None,
        "Bearer nonsense",
        f"Basic {signer_of('gateway').token('todo')}",
        f"Bearer {for_other}",
    ):
        assert failure(bridge.target, authorization) is grpc.StatusCode.UNAUTHENTICATED


def test_drops_identity_that_does_not_come_from_the_gateway(serve: Serve, client_of: Callable[[str], Any]) -> None:
    calls: list[Call] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        calls.append(environ[ENVIRON_KEY])
        return ok(environ, start_response)

    bridge, principal = serve(app), Principal("user-1")
    sent = request(principal=from_principal(principal), route="/v1/lists", client_ip="10.0.0.1", request_id="request-1")
    client_of("gateway").handle(bridge.target, "todo", sent, 5)
    client_of("events").handle(bridge.target, "todo", sent, 5)

    assert calls == [
        Call(Caller.of("gateway"), principal, "request-1", "/v1/lists", "10.0.0.1"),
        Call(Caller.of("events"), None, "request-1"),
    ]


def test_an_application_that_raises_is_no_answer(serve: Serve, client_of: Callable[[str], Any]) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise ValueError("broken")

    with pytest.raises(grpc.RpcError) as raised:
        client_of("gateway").handle(serve(app).target, "todo", request(), 5)

    assert code_of(raised.value) is grpc.StatusCode.INTERNAL
    assert "broken" not in str(raised.value)


def test_health_is_live_and_needs_neither_token_nor_handler_thread(
    serve: Serve, client_of: Callable[[str], Any]
) -> None:
    entered, release = threading.Event(), threading.Event()

    def blocked(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        entered.set()
        release.wait(10)
        return ok(environ, start_response)

    bridge = serve(blocked, threads=1)
    call = threading.Thread(target=client_of("gateway").handle, args=(bridge.target, "todo", request(), 10))
    call.start()
    assert entered.wait(5)
    with grpc.insecure_channel(bridge.target) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=5).status == SERVING
        assert bridge.server.in_flight == 1
        bridge.well = False
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=5).status == NOT_SERVING
        bridge.well = True
        bridge.server.drain()
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=5).status == NOT_SERVING
        with pytest.raises(grpc.RpcError):
            health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=5)
    release.set()
    call.join(5)
    assert bridge.server.in_flight == 0


def test_a_call_queued_past_its_deadline_never_runs(serve: Serve, client_of: Callable[[str], Any]) -> None:
    entered, release = threading.Event(), threading.Event()
    paths: list[str] = []

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        paths.append(environ["PATH_INFO"])
        entered.set()
        release.wait(10)
        return ok(environ, start_response)

    bridge, client = serve(slow, threads=1), client_of("gateway")
    first = threading.Thread(target=client.handle, args=(bridge.target, "todo", request(b"/first"), 10))
    first.start()
    assert entered.wait(5)
    with pytest.raises(grpc.RpcError) as raised:
        client.handle(bridge.target, "todo", request(b"/second"), 0.2)
    assert code_of(raised.value) is grpc.StatusCode.DEADLINE_EXCEEDED

    release.set()
    first.join(5)
    client.handle(bridge.target, "todo", request(b"/third"), 5)
    assert paths == ["/first", "/third"]


def test_stopping_lets_a_running_call_finish(serve: Serve, client_of: Callable[[str], Any]) -> None:
    entered, release = threading.Event(), threading.Event()
    answers: list[pb.Response] = []

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        entered.set()
        release.wait(10)
        return ok(environ, start_response)

    bridge, client = serve(slow), client_of("gateway")
    call = threading.Thread(target=lambda: answers.append(client.handle(bridge.target, "todo", request(), 10)))
    call.start()
    assert entered.wait(5)
    stop = threading.Thread(target=bridge.server.stop, args=(10,))
    stop.start()
    release.set()
    stop.join(10)
    call.join(5)

    assert [answer.status for answer in answers] == [200]


def test_a_full_instance_refuses_single_calls_at_once(serve: Serve, client_of: Callable[[str], Any]) -> None:
    app = Held()
    bridge, client = serve(app, threads=1, max_queued=1), client_of("gateway")
    calls = [threading.Thread(target=client.handle, args=(bridge.target, "todo", request(), 10)) for _ in range(2)]
    calls[0].start()
    assert app.entered.wait(5)
    calls[1].start()
    while bridge.server.queued < 1:
        time.sleep(0.005)

    with pytest.raises(grpc.RpcError) as raised:
        client.handle(bridge.target, "todo", request(), 10)
    app.release.set()
    for call in calls:
        call.join(5)

    assert code_of(raised.value) is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("method", ["Handle", "Exchange", "Transfer"])
def test_what_is_no_message_is_refused_without_harm(
    serve: Serve, signer_of: Callable[[str], ServiceSigner], client_of: Callable[[str], Any], method: str
) -> None:
    bridge = serve(ok)
    metadata = (("authorization", f"Bearer {signer_of('gateway').token('todo')}"),)
    with grpc.insecure_channel(bridge.target) as channel:
        call: Any = channel.stream_stream(f"/{BRIDGE_NAME}/{method}")
        with pytest.raises(grpc.RpcError) as raised:
            list(call(iter([b"\xff\xff"]), timeout=5, metadata=metadata))

    assert code_of(raised.value) is grpc.StatusCode.INTERNAL
    assert "Error" not in str(raised.value.details())  # type: ignore[attr-defined]
    assert client_of("gateway").handle(bridge.target, "todo", request(), 5).status == 200
    assert bridge.server.in_flight == 0


def test_no_more_transfers_than_threads(
    serve: Serve, signer_of: Callable[[str], ServiceSigner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TRANSFERS", 2)
    bridge, never = serve(ok), threading.Event()
    metadata = (("authorization", f"Bearer {signer_of('gateway').token('todo')}"),)

    def parts() -> Iterator[bytes]:
        never.wait(10)
        yield pb.Part(request=request()).SerializeToString()

    with grpc.insecure_channel(bridge.target) as channel:
        call: Any = channel.stream_stream(f"/{BRIDGE_NAME}/Transfer")
        waiting = [call(parts(), timeout=10, metadata=metadata) for _ in range(2)]
        while bridge.server.in_flight < 2:
            time.sleep(0.005)
        with pytest.raises(grpc.RpcError) as raised:
            list(call(iter(()), timeout=5, metadata=metadata))
        never.set()
        for each in waiting:
            assert pb.Part.FromString(next(each)).response.status == 200
            each.cancel()

    assert code_of(raised.value) is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_second_server_on_the_same_port_is_an_error(serve: Serve, verifier: Any) -> None:
    second = BridgeServer(Dispatcher(ok), verifier, host="127.0.0.1", port=serve(ok).port, health=lambda: (True, ""))

    with pytest.raises(OSError, match="MT_GRPC_PORT"):
        second.start()
