import pytest

from gateway_svc.routing.headers import Remembered, are_valid, first, inbound, outbound, values

KEPT = (b"accept", b"*/*")


@pytest.mark.parametrize(
    "name",
    [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "proxy-authorization", "host", "content-length", "expect", "authorization", "forwarded", "via", "x-request-id",
        "traceparent", "tracestate", "x-mt-user", "x-user-id", "grpc-timeout", "grpc-metadata-x", "x-forwarded-for",
        "x-forwarded-host", "x-forwarded-client-cert", "x-real-ip", "x-original-url", "x-envoy-peer",
        "x-accel-redirect", "x-sendfile", "x-scheme", "proxy", "baggage", "true-client-ip",
    ],
)  # fmt: skip
def test_drops_what_no_client_may_say_to_a_service(name: str) -> None:
    assert inbound([KEPT, (name.encode(), b"forged")]) == ([KEPT], 0)


@pytest.mark.parametrize("name", [b"x_forwarded_for", b"x_user_id", b"content_type", b"x\xfc", b"a.b", b"a!"])
def test_drops_and_counts_ambiguous_names(name: bytes) -> None:
    assert inbound([KEPT, (name, b"forged")]) == ([KEPT], 1)


@pytest.mark.parametrize(
    "name", ["accept", "content-type", "cookie", "if-match", "if-none-match", "idempotency-key", "origin", "range"]
)
def test_lets_end_to_end_headers_pass_in_order_and_repeated(name: str) -> None:
    headers = [(name.encode(), b"1"), KEPT, (name.encode(), b"2")]

    assert inbound(headers) == (headers, 0)


def test_drops_headers_that_connection_names() -> None:
    headers = [
        (b"connection", b"close, X-Secret"),
        (b"x-secret", b"1"),
        (b"connection", b"x-other"),
        (b"x-other", b"2"),
    ]

    assert inbound([*headers, KEPT]) == ([KEPT], 0)
    assert list(outbound([*headers, KEPT])) == [KEPT]


@pytest.mark.parametrize(
    "name",
    [
        "connection", "keep-alive", "transfer-encoding", "upgrade", "date", "server", "x-request-id", "x-mt-shard",
        "x-user-id", "grpc-status", "x-accel-buffering", "access-control-allow-origin",
    ],
)  # fmt: skip
def test_drops_what_no_service_may_say_to_a_client(name: str) -> None:
    assert list(outbound([(name.encode(), b"1"), KEPT])) == [KEPT]


def test_lets_the_answers_headers_pass_unmerged() -> None:
    headers = [
        (b"set-cookie", b"a=1"), (b"etag", b'"7"'), (b"set-cookie", b"b=2"), (b"location", b"/v1/lists/7"),
        (b"cache-control", b"no-store"), (b"vary", b"Accept"), (b"link", b'</x>; rel="next"'),
    ]  # fmt: skip

    assert list(outbound(headers)) == headers


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        (b"etag", b'"7"', True),
        (b"x", b"\xfc\t ", True),
        (b"x", b"a\r\nset-cookie: b", False),
        (b"x", b"\x00", False),
        (b"x", b"\x7f", False),
        (b"X", b"1", False),
        (b"content-length", b"30", True),
        (b"content-length", b"", False),
        (b"content-length", b"0" * 19, False),
        (b"content-length", b"-1", False),
        (b"content-length", b"3, 3", False),
        (b"a b", b"1", False),
        (b"", b"1", False),
    ],
)
def test_tells_what_may_go_on_the_wire(name: bytes, value: bytes, valid: bool) -> None:
    assert are_valid([(name, value)]) is valid


def test_an_option_of_connection_that_is_no_header_changes_nothing() -> None:
    for option in (b"close", b"Keep-Alive", b"", b",", b"x-none", b'"host"'):
        assert inbound([(b"connection", option), KEPT]) == ([KEPT], 0)


def test_gives_the_values_of_a_name() -> None:
    headers = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]

    assert (values(headers, b"a"), first(headers, b"a"), first(headers, b"c")) == ([b"1", b"3"], b"1", b"")


def test_remembers_a_bounded_number_of_names() -> None:
    asked: list[bytes] = []

    def decide(name: bytes) -> int:
        asked.append(name)
        return len(name)

    fates = Remembered(decide, most=3, longest=4)

    assert [fates[name] for name in (b"a", b"bb", b"a", b"long name", b"long name")] == [1, 2, 1, 9, 9]
    assert asked == [b"a", b"bb", b"long name", b"long name"]
    for number in range(100):
        assert fates[b"%d" % number]
        assert len(fates) <= 3
