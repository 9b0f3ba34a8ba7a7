import pytest

from gateway_svc.routing import envelope
from gateway_svc.routing.tracing import Trace
from libs.rpc import http_bridge_pb2 as pb
from libs.telemetry.trace import new_traceparent


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 300_000])
def test_what_is_written_by_hand_is_the_message(size: int) -> None:
    fields = {
        "method": "GET", "raw_path": b"/" + b"p" * size, "query": b"q" * size, "body": b"\0" * size,
        "request_id": "r" * 36, "route": "/v1/lists",
    }  # fmt: skip

    assert pb.Request.FromString(envelope.request(**fields)) == pb.Request(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["", "vendor=value"])
def test_a_trace_is_carried_on(state: str) -> None:
    trace = Trace(new_traceparent(), state)

    headers = {header.name: header.value for header in pb.Request.FromString(envelope.trace(trace)).headers}

    assert headers == {name.decode(): value for name, value in trace.headers}
