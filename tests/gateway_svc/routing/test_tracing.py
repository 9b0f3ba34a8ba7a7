import pytest

from gateway_svc.routing.tracing import MAX_MEMBERS, Trace, client_request_id, tracestate
from libs.telemetry.trace import parse_traceparent
from tests.gateway_svc.conftest import Headers

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = (b"traceparent", f"00-{TRACE}-{PARENT}-00".encode())


def test_continues_a_valid_trace_with_a_span_of_its_own() -> None:
    trace = Trace.of([VALID, (b"tracestate", b"a=1"), (b"tracestate", b"b=2")])

    assert trace.parent.trace_id == TRACE
    assert trace.parent.span_id != PARENT
    assert dict(trace.headers) == {
        b"traceparent": f"00-{TRACE}-{trace.parent.span_id}-00".encode(),
        b"tracestate": b"a=1,b=2",
    }


@pytest.mark.parametrize(
    "headers", [[], [(b"traceparent", b"nonsense")], [VALID, VALID], [(b"traceparent", VALID[1].upper())]]
)
def test_begins_a_new_trace_without_the_foreign_state(headers: Headers) -> None:
    trace = Trace.of([*headers, (b"tracestate", b"a=1")])

    made = dict(trace.headers)
    assert trace.parent.trace_id != TRACE
    assert parse_traceparent(made[b"traceparent"].decode()) == trace.parent
    assert b"tracestate" not in made


@pytest.mark.parametrize(
    ("given", "kept"),
    [(b"mine-1.A_b", "mine-1.A_b"), (b"x" * 64, "x" * 64), (b"x" * 65, ""), (b"a b", ""), (b"", ""), (b"\xff", "")],
)
def test_keeps_a_well_formed_request_id_of_the_client(given: bytes, kept: str) -> None:
    assert client_request_id([(b"x-request-id", given)]) == kept


def test_of_two_request_ids_none_is_kept() -> None:
    assert client_request_id([(b"x-request-id", b"a"), (b"x-request-id", b"b")]) == ""


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ([b"a=1"], "a=1"),
        ([b" a=1 ,, b=2\t", b"", b"c@d=x y"], "a=1,b=2,c@d=x y"),
        ([b"a=1,nonsense"], ""),
        ([b"a=1,A=2"], ""),
        ([b"a=1", b"a=2"], ""),
        ([b"a="], ""),
        ([b"a=1=2"], ""),
        ([b"a=\xe4"], ""),
        ([b"k%d=1" % i for i in range(40)], ",".join(f"k{i}=1" for i in range(MAX_MEMBERS))),
        ([b"a=" + b"x" * 254 + b",b=" + b"x" * 253], "a=" + "x" * 254 + ",b=" + "x" * 253),
        ([b"a=" + b"x" * 254 + b",c=1,b=" + b"x" * 253], "a=" + "x" * 254 + ",c=1"),
        ([b"k%d=" % i + b"x" * 96 for i in range(6)], ",".join(f"k{i}=" + "x" * 96 for i in range(5))),
    ],
)
def test_passes_a_valid_tracestate_and_cuts_a_long_one(given: list[bytes], passed: str) -> None:
    assert tracestate(given) == passed
