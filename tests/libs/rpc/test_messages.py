import pytest

from libs.identity.principal import Call, Caller, Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.messages import call_of, find, from_headers, from_principal, parse_traceparent, to_headers, to_principal

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PRINCIPAL = Principal("user-1", "session-1", frozenset({"lists:read", "account"}), "token-1")


@pytest.mark.parametrize("value", [f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00", f"cc-{TRACE}-{PARENT}-01-new"])
def test_reads_a_valid_traceparent(value: str) -> None:
    assert parse_traceparent(value) == (TRACE, PARENT)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01-more",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f" 00-{TRACE}-{PARENT}-01",
    ],
)
def test_refuses_an_invalid_traceparent(value: str) -> None:
    assert parse_traceparent(value) is None


def test_headers_survive_the_way_there_and_back() -> None:
    raw = [(b"accept", b"*/*"), (b"x", b"\xff\x00"), (b"accept", b"text/html")]

    assert from_headers(to_headers(raw)) == raw


def test_finds_the_first_header_of_a_name() -> None:
    headers = to_headers([(b"a", b"1"), (b"a", b"2")])

    assert find(headers, "a") == b"1"
    assert find(headers, "b") is None


def test_a_principal_survives_the_way_there_and_back() -> None:
    assert to_principal(from_principal(PRINCIPAL)) == PRINCIPAL


def test_only_the_gateway_speaks_for_users_and_the_outside() -> None:
    request = pb.Request(request_id="r", route="/v1/lists", client_ip="10.0.0.1", principal=from_principal(PRINCIPAL))

    gateway, events = Caller.of("gateway"), Caller.of("events")
    assert call_of(request, gateway) == Call(gateway, PRINCIPAL, "r", "/v1/lists", "10.0.0.1")
    assert call_of(request, events) == Call(events, None, "r")


def test_a_request_without_principal_has_none() -> None:
    assert call_of(pb.Request(), Caller.of("gateway")).principal is None
