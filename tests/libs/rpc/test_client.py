import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from libs.contracts.errors import Unavailable
from libs.rpc import client as client_module
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.status import error_of
from libs.testing.ports import free_port

Serve = Callable[..., Any]
REQUEST = pb.Request(method="POST", raw_path=b"/v1/lists", authority="todo", body=b"\x00\xff")


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("201 Created", [("Location", "/v1/lists/7"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [environ["wsgi.input"].read()]


def test_a_refused_connection_is_unavailable_at_once(client_of: Callable[[str], Any]) -> None:
    started = time.monotonic()

    with pytest.raises(grpc.RpcError) as raised:
        client_of("gateway").handle(f"127.0.0.1:{free_port()}", "todo", REQUEST, 5)

    assert isinstance(error_of(raised.value, "todo"), Unavailable)
    assert time.monotonic() - started < 2


def test_an_instance_that_comes_back_on_its_port_is_reached_again(
    serve: Serve, client_of: Callable[[str], Any]
) -> None:
    first, client = serve(echo), client_of("gateway")
    client.handle(first.target, "todo", REQUEST, 5)
    first.server.stop(0)
    with pytest.raises(grpc.RpcError):
        client.handle(first.target, "todo", REQUEST, 5)

    second = serve(echo)
    assert client.handle(second.target, "todo", REQUEST, 5).status == 201


def test_keeps_a_bounded_number_of_channels(
    serve: Serve, client_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_CHANNELS", 2)
    client, bridges = client_of("gateway"), [serve(echo) for _ in range(3)]

    for bridge in (*bridges, *bridges):
        assert client.handle(bridge.target, "todo", REQUEST, 5).status == 201

    assert len(client._channels) == 2


def test_channels_of_a_parent_process_are_left_alone(
    serve: Serve, client_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge, client = serve(echo), client_of("gateway")
    client.handle(bridge.target, "todo", REQUEST, 5)
    old = client._channels
    client._pid = -1

    client.handle(bridge.target, "todo", REQUEST, 5)

    assert client._channels is not old
    for channel, _ in old.values():
        channel.close()
