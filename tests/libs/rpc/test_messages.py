from libs.identity.principal import Call, Caller, Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.messages import call_of, find, from_headers, from_principal, to_headers, to_principal

PRINCIPAL = Principal("user-1", "session-1", frozenset({"lists:read", "account"}), "token-1")


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
    request = pb.Request(
        request_id="r", route="/v1/lists", client_ip="10.0.0.1", principal=from_principal(PRINCIPAL), token_error="x",
        attempt=1,
    )  # fmt: skip

    gateway, events = Caller.of("gateway"), Caller.of("events")
    assert call_of(request, gateway) == Call(gateway, PRINCIPAL, "r", "/v1/lists", "10.0.0.1", "x", 1)
    assert call_of(request, events) == Call(events, None, "r")


def test_a_request_without_principal_has_none() -> None:
    assert call_of(pb.Request(), Caller.of("gateway")).principal is None
