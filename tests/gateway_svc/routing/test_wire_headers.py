"""Headers as bytes: what a service sees of a request, and a client of an answer (RFC 9110, RFC 7239, Trace Context)."""

import re
from collections.abc import Iterator

import pytest

from gateway_svc.routing import envelope
from libs.identity.principal import ENVIRON_KEY
from tests.gateway_svc.wire import GET, PROBLEM, Client, Wire, listening

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"Traceparent: 00-{TRACE}-{SPAN}-01"


@pytest.fixture(scope="module")
def running() -> Iterator[Wire]:
    with listening() as wire:
        yield wire


@pytest.fixture
def wire(running: Wire) -> Wire:
    return running.fresh()


# --- in --------------------------------------------------------------------------------------------------------------

NEVER_IN = [
    "X-MT-User", "X-MT-Call", "x-mt-principal", "X-User-Id", "X-User", "X-User-Scopes", "X-Remote-User", "Remote-User",
    "Grpc-Timeout", "Grpc-Metadata-Authorization", "grpc-status", "X-Forwarded-For", "X-Forwarded-Host",
    "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-User",
    "X-Forwarded-Client-Cert", "X-Forwarded", "Forwarded", "X-Real-IP", "X-Scheme", "X-Original-URL", "X-Rewrite-URL",
    "X-Original-Forwarded-For", "X-Envoy-External-Address", "X-Envoy-Original-Path", "X-Accel-Redirect", "X-Sendfile",
    "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Client-Cert",
    "X-SSL-Client-Verify", "SSL-Client-Cert", "Proxy", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate",
    "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "HTTP2-Settings", "Baggage", "X-Request-ID", "Traceparent",
    "Tracestate", "X_Forwarded_For", "X_Forwarded-For", "x_mt_user", "X_User_Id", "Content_Type", "X_Real_IP",
    "X.Real.IP", "X-Real~IP", "X-Real|IP", "Host_", "_", "x-mt-", "grpc-",
]  # fmt: skip


@pytest.mark.parametrize("name", NEVER_IN)
def test_no_client_may_say_this_to_a_service(wire: Wire, name: str) -> None:
    assert wire.get(f"{name}: forged", "X-Mine: 1").status == 200

    seen = wire.service.last.headers
    assert "forged" not in str(sorted(seen.values()))
    assert name.lower().replace("_", "-") not in seen.keys() - ADDED
    assert seen["x-mine"] == "1"


#: What the gateway itself tells a service.
ADDED = {
    "host",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "via",
    "traceparent",
    "x-request-id",
}


def test_a_service_learns_of_the_way_what_the_gateway_knows(wire: Wire) -> None:
    answer = wire.get()

    seen = wire.service.last.headers
    assert seen.keys() == ADDED
    assert seen["forwarded"] == 'for=127.0.0.1;by=_gateway-1;host="api.test";proto=http'
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert (seen["x-forwarded-host"], seen["host"], seen["via"]) == ("api.test", "api.test", "1.1 gateway-1")
    assert seen["x-request-id"] == answer["x-request-id"]
    assert wire.service.last.client_ip == wire.service.last.environ["REMOTE_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize(
    "option",
    [
        "x-forwarded-for, x-forwarded-proto, x-forwarded-host, forwarded", "via", "traceparent, tracestate",
        "x-request-id, X-Request-ID", "host", "content-length", "authorization", "close, te", "keep-alive,,", ",", "",
        "connection", '"host"', "upgrade, http2-settings",
    ],
)  # fmt: skip
def test_connection_can_not_delete_what_is_ours(wire: Wire, option: str) -> None:
    token = "Authorization: Bearer nonsense"
    assert wire.get(f"Connection: {option}", token, "TE: trailers", "Accept: */*").status == 200

    seen = wire.service.last
    assert seen.headers.keys() == ADDED | {"accept"}
    assert seen.environ[ENVIRON_KEY].token_error


def test_connection_deletes_what_it_names(wire: Wire) -> None:
    answer = wire.get("X-Secret: 1", "Connection: close, X-Secret", "Connection: x-other", "X-Other: 2", "X-Mine: 3")

    assert answer["connection"] == "close"
    assert wire.service.last.headers.keys() == ADDED | {"x-mine"}


PASSING = {
    "Accept": "application/json;q=0.5, */*",
    "Accept-Language": "de, en;q=0.1",
    "If-None-Match": 'W/"7", "8"',
    "If-Match": '"7"',
    "Idempotency-Key": "a b",
    "Range": "bytes=0-9",
    "Cookie": "a=1; b=2",
    "Origin": "https://app.test",
    "User-Agent": "curl/8 (x; y)",
    "Last-Event-ID": "7",
    "X-Http-Thing": 'a\t"b", c',
    "X-Empty": "",
    "X-Latin": "\xe4",
    "Max-Forwards": "1",
    "Mt-User": "mine",
    "X-Users": "mine",
}


@pytest.mark.parametrize(("name", "value"), PASSING.items(), ids=PASSING)
def test_what_is_for_the_service_arrives_as_it_is(wire: Wire, name: str, value: str) -> None:
    assert wire.get(f"{name}: {value}".encode("latin-1")).status == 200

    assert wire.service.last.headers[name.lower()] == value


def test_utf_8_arrives_byte_by_byte(wire: Wire) -> None:
    wire.get("X-Text: ä€😀")

    assert wire.service.last.headers["x-text"].encode("latin-1").decode() == "ä€😀"


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        (["Accept: a", "Accept: b"], "accept", "a, b"),
        (["Cookie: a=1", "Cookie: b=2"], "cookie", "a=1; b=2"),
        (["X-A: 1", "X-a:2", "x-A:   3  "], "x-a", "1, 2, 3"),
    ],
)
def test_repeated_headers_arrive_joined(wire: Wire, lines: list[str], name: str, value: str) -> None:
    wire.get(*lines)

    assert wire.service.last.headers[name] == value


@pytest.mark.parametrize(
    ("start", "via", "expected"),
    [
        (GET, [], "1.1 gateway-1"),
        (GET, ["1.0 fred"], "1.0 fred, 1.1 gateway-1"),
        (GET, ["1.0 fred, 2 edge (x)", "1.1 b"], "1.0 fred, 2 edge (x), 1.1 b, 1.1 gateway-1"),
        (GET.replace(b"1.1", b"1.0"), [], "1.0 gateway-1"),
    ],
    ids=["first", "second", "fourth", "HTTP/1.0"],
)
def test_via_names_each_hop(wire: Wire, start: bytes, via: list[str], expected: str) -> None:
    wire.ask(start + b"".join(b"Via: %s\r\n" % value.encode() for value in via) + b"\r\n")

    assert wire.service.last.headers["via"] == expected


# --- who the client is -----------------------------------------------------------------------------------------------

SPOOFS = [
    "X-Forwarded-For: 6.6.6.6",
    "Forwarded: for=6.6.6.6;proto=https",
    "X-Forwarded-Proto: https",
    "X-Real-IP: 6.6.6.6",
]


@pytest.mark.parametrize("spoof", SPOOFS)
def test_an_untrusted_peer_is_not_believed(wire: Wire, spoof: str) -> None:
    wire.get(spoof, spoof.replace("-", "_", 1))

    seen = wire.service.last
    assert (seen.client_ip, seen.environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")
    assert seen.headers["x-forwarded-for"] == "127.0.0.1"
    assert seen.headers["forwarded"] == 'for=127.0.0.1;by=_gateway-1;host="api.test";proto=http'


def test_an_ipv6_client_is_quoted_in_brackets(wire: Wire) -> None:
    if len(wire.addresses) < 2:
        pytest.skip("this machine has no IPv6")
    with Client(wire.addresses[1]) as client:
        assert client.send(GET + b"\r\n").answer().status == 200

    assert wire.service.last.client_ip == "::1"
    assert wire.service.last.headers["forwarded"].startswith('for="[::1]";by=')
    assert wire.service.last.headers["x-forwarded-for"] == "::1"


# --- correlation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "logged"),
    [
        (["mine-1.A_b"], "mine-1.A_b"), (["x" * 64], "x" * 64), (["x" * 65], ""), (["a b"], ""), (["a\tb"], ""),
        ([""], ""), (["ä"], ""), (["a;b"], ""), (["a", "b"], ""), ([], ""),
    ],
)  # fmt: skip
def test_a_request_has_an_id_of_ours_and_the_clients_is_logged(wire: Wire, given: list[str], logged: str) -> None:
    answer = wire.get(*(f"X-Request-ID: {value}" for value in given))

    assert wire.service.last.headers["x-request-id"] == answer["x-request-id"]
    assert wire.records.of(answer)["client_request_id"] == logged


CONTINUED = {
    "version 00": [TRACEPARENT],
    "odd case of the name": [TRACEPARENT.replace("Trace", "tRACE")],
    "later version": [f"Traceparent: 01-{TRACE}-{SPAN}-01"],
    "later version with more": [f"Traceparent: cc-{TRACE}-{SPAN}-01-what-else"],
    "other flags": [f"Traceparent: 00-{TRACE}-{SPAN}-ff"],
}


@pytest.mark.parametrize("lines", CONTINUED.values(), ids=CONTINUED)
def test_a_trace_goes_on_with_a_span_of_ours(wire: Wire, lines: list[str]) -> None:
    wire.get(*lines, "Tracestate: a=1", "Tracestate: b@c=2, d=3")

    seen = wire.service.last.headers
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", seen["traceparent"])
    assert SPAN not in seen["traceparent"]
    assert seen["tracestate"] == "a=1,b@c=2,d=3"


def test_a_trace_that_is_not_recorded_stays_so(wire: Wire) -> None:
    wire.get(f"Traceparent: 00-{TRACE}-{SPAN}-00")

    assert wire.service.last.headers["traceparent"].endswith("-00")


BEGUN = {
    "none": [],
    "nonsense": ["Traceparent: nonsense"],
    "empty": ["Traceparent:"],
    "upper case": [TRACEPARENT.replace(TRACE, TRACE.upper())],
    "version ff": [f"Traceparent: ff-{TRACE}-{SPAN}-01"],
    "version 00 with more": [f"{TRACEPARENT}-more"],
    "version of one digit": [f"Traceparent: 0-{TRACE}-{SPAN}-01"],
    "trace of zeros": [f"Traceparent: 00-{'0' * 32}-{SPAN}-01"],
    "span of zeros": [f"Traceparent: 00-{TRACE}-{'0' * 16}-01"],
    "short trace": [f"Traceparent: 00-{TRACE[1:]}-{SPAN}-01"],
    "no flags": [f"Traceparent: 00-{TRACE}-{SPAN}"],
    "two": [TRACEPARENT, TRACEPARENT],
    "two in one": [f"{TRACEPARENT}, 00-{TRACE}-{SPAN}-01"],
    "underscore": [TRACEPARENT.replace("Traceparent", "Trace_parent")],
}


@pytest.mark.parametrize("lines", BEGUN.values(), ids=BEGUN)
def test_a_trace_that_is_none_is_begun_anew_without_its_state(wire: Wire, lines: list[str]) -> None:
    wire.get(*lines, "Tracestate: a=1")

    seen = wire.service.last.headers
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", seen["traceparent"])
    assert TRACE not in seen["traceparent"]
    assert "tracestate" not in seen


STATES = {
    "empty members": ("a=1, ,b=2,", "a=1,b=2"),
    "space around": (" a=1\t,\tb=2 ", "a=1,b=2"),
    "no member": ("nonsense", None),
    "one bad among good": ("a=1,B=2", None),
    "the same twice": ("a=1,a=2", None),
    "empty": ("", None),
    "no ASCII": ("a=\xe4", None),
    "512 characters": ("a=" + "x" * 254 + ",b=" + "x" * 253, "a=" + "x" * 254 + ",b=" + "x" * 253),
    "33 members": (",".join(f"k{i}=1" for i in range(33)), ",".join(f"k{i}=1" for i in range(32))),
    "more than 512, two long": (
        f"a={'x' * 200},b=1,c={'y' * 200},d={'z' * 120}", f"a={'x' * 200},b=1,d={'z' * 120}",
    ),
    "more than 512, all short": (
        ",".join(f"k{i}={'x' * 96}" for i in range(6)), ",".join(f"k{i}={'x' * 96}" for i in range(5)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "passed"), STATES.values(), ids=STATES)
def test_a_state_passes_valid_and_not_longer_than_512(wire: Wire, given: str, passed: str | None) -> None:
    wire.get(TRACEPARENT, f"Tracestate: {given}".encode("latin-1"))

    assert wire.service.last.headers.get("tracestate") == passed
    assert TRACE in wire.service.last.headers["traceparent"]


# --- out -------------------------------------------------------------------------------------------------------------

NEVER_OUT = [
    "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "TE", "Trailer", "Transfer-Encoding",
    "Upgrade", "Server", "X-MT-Shard", "X-User-Id", "Grpc-Status", "X-Accel-Redirect", "X-Sendfile",
    "X-Envoy-Upstream-Service-Time", "X-Forwarded-For", "X-Real-IP", "Forwarded",
    "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
]  # fmt: skip


@pytest.mark.parametrize("name", NEVER_OUT)
def test_no_service_may_say_this_to_a_client(wire: Wire, name: str) -> None:
    answer = wire.told("200 OK", (name, "forged"), ("X-Mine", "1"), body=b"abc")

    assert (answer.status, answer.body, answer["x-mine"]) == (200, b"abc", "1")
    assert name.lower() not in answer


def test_connection_of_a_service_deletes_what_it_names(wire: Wire) -> None:
    answer = wire.told("200 OK", ("X-Secret", "1"), ("Connection", "close, x-secret, X-Request-ID"), ("X-Mine", "1"))

    assert not {"x-secret", "connection"} & {name for name, _ in answer.headers}
    assert answer["x-mine"] == "1"


@pytest.mark.parametrize("name", ["Date", "X-Request-ID", "X-Content-Type-Options"])
def test_what_the_gateway_says_is_said_once(wire: Wire, name: str) -> None:
    answer = wire.told("200 OK", (name, "forged"), (name, "forged"))

    assert answer[name.lower()] != "forged"


EXACT = [
    ("ETag", 'W/"a,b"'), ("Cache-Control", "private, max-age=0"), ("Cache-Control", "no-transform"), ("Vary", "Accept"),
    ("Vary", "Accept-Language, Cookie"), ("Last-Modified", "Tue, 24 Nov 2026 12:00:00 GMT"),
    ("Content-Type", 'a/b; c="d, e"'), ("Location", "/v1/lists/7?a=%2F"),
    ("Link", '</x?a=1,2>; rel="next"'), ("Retry-After", "7"), ("Age", "1"),
    ("Content-Disposition", "attachment; filename*=UTF-8''%C3%A4"), ("Deprecation", "@1700000000"), ("X-Latin", "\xe4"),
    ("Set-Cookie", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/"), ("Set-Cookie", "b=2; HttpOnly"),
    ("Set-Cookie", "a=1, 2"), ("WWW-Authenticate", 'Bearer error="x", scope="y"'), ("Content-Encoding", "gzip"),
    ("Content-Language", "de"), ("Accept-Ranges", "bytes"), ("X-Empty", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    "status", ["200 OK", "201 Created", "206 x", "302 Found", "401 x", "412 x", "418 x", "500 x", "599 x"]
)
def test_an_answer_passes_as_it_is(wire: Wire, status: str) -> None:
    body = bytes(range(256))
    wire.service.answers.append((status, EXACT, body))
    with wire.connect() as client:
        answer = client.send(GET + b"\r\n").answer(may_be_500=True)

    names = {name.lower() for name, _ in EXACT}
    assert [item for item in answer.headers if item[0] in names] == [(name.lower(), value) for name, value in EXACT]
    assert (answer.status, answer.body) == (int(status[:3]), body)


BODYLESS = {
    "HEAD": ("HEAD", "200 OK", [("Content-Length", "3")], b"abc", "3"),
    "HEAD without a body": ("HEAD", "200 OK", [("Content-Length", "7")], b"", "7"),
    "HEAD without a length": ("HEAD", "200 OK", [], b"abc", "3"),
    "HEAD of an error": ("HEAD", "404 Not Found", [], b"abc", "3"),
    "HEAD of a 204": ("HEAD", "204 No Content", [], b"", None),
    "204": ("DELETE", "204 No Content", [], b"", None),
    "204 with a body": ("DELETE", "204 No Content", [("Content-Length", "3")], b"abc", None),
    "304": ("GET", "304 Not Modified", [], b"", None),
    "304 with a body": ("GET", "304 Not Modified", [("Content-Length", "3")], b"abc", None),
    "200 with another length": ("GET", "200 OK", [("Content-Length", "99")], b"", "0"),
    "200 that says chunked": ("GET", "200 OK", [("Transfer-Encoding", "chunked")], b"", "0"),
}  # fmt: skip


@pytest.mark.parametrize("row", BODYLESS.values(), ids=BODYLESS)
def test_an_answer_without_a_body_is_framed_as_one(
    wire: Wire, row: tuple[str, str, list[tuple[str, str]], bytes, str | None]
) -> None:
    method, status, headers, body, length = row
    wire.service.answers.append((status, [*headers, ("ETag", '"7"')], body))
    with wire.connect() as client:
        client.send(GET.replace(b"GET", method.encode()) + b"\r\n" + GET + b"\r\n")
        answer = client.answer(method)
        assert client.answer().body == b"ok"  # and the next begins where it must

    assert (answer.status, answer.body, answer["etag"]) == (int(status[:3]), b"", '"7"')
    assert answer.all("content-length") == ([] if length is None else [length])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_too_large_for_an_envelope_is_framed_as_any_other(wire: Wire, method: str) -> None:
    body = bytes(range(256)) * 12_000
    wire.service.answers.append(("200 OK", [("Content-Type", "a/b"), ("Content-Length", str(len(body)))], body))
    with wire.connect() as client:
        client.send(GET.replace(b"GET", method.encode()) + b"\r\n" + GET + b"\r\n")
        answer = client.answer(method)
        assert client.answer().body == b"ok"

    assert (answer.status, answer["content-type"], answer["content-length"]) == (200, "a/b", str(len(body)))
    assert answer.body == (body if method == "GET" else b"")


INVALID = {
    "CR and LF in a value": ("200 OK", [("X", "a\r\nSet-Cookie: b=1")]),
    "LF in a value": ("200 OK", [("X", "a\nSet-Cookie: b=1")]),
    "CR in a value": ("200 OK", [("X", "a\rb")]),
    "NUL in a value": ("200 OK", [("X", "a\0b")]),
    "ESC in a value": ("200 OK", [("X", "\x1b[0m")]),
    "CR and LF in a cookie": ("200 OK", [("Set-Cookie", "a=1\r\n\r\n<script>")]),
    "space in a name": ("200 OK", [("X Y", "a")]),
    "colon in a name": ("200 OK", [("X:", "a")]),
    "LF in a name": ("200 OK", [("X\n", "a")]),
    "Latin-1 in a name": ("200 OK", [("\xe4", "a")]),
    "no name": ("200 OK", [("", "a")]),
    "length that is none": ("200 OK", [("Content-Length", "x")]),
    "length below nothing": ("200 OK", [("Content-Length", "-1")]),
    "length in two": ("200 OK", [("Content-Length", "3, 3")]),
    "length empty": ("200 OK", [("Content-Length", "")]),
    "length of thousands of digits": ("200 OK", [("Content-Length", "0" * 5000)]),
    "status 100": ("100 Continue", []),
    "status 101": ("101 Switching Protocols", []),
    "status 600": ("600 x", []),
    "status 0": ("0 x", []),
}


@pytest.mark.parametrize(("status", "headers"), INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_that_is_not_http_is_502(
    wire: Wire, method: str, status: str, headers: list[tuple[str, str]]
) -> None:
    answer = wire.told(status, *headers, body=b"secret", method=method)

    if method == "HEAD":
        assert (answer.status, answer["content-type"], "set-cookie" in answer) == (502, PROBLEM, False)
        return
    assert (answer.status, answer["content-type"], answer.json()["code"]) == (502, PROBLEM, "bad_gateway")
    assert answer.json()["service"] == "todo"
    assert "set-cookie" not in answer
    assert b"secret" not in answer.body


# --- browsers --------------------------------------------------------------------------------------------------------

PREFLIGHT = ["Origin: https://app.test", "Access-Control-Request-Method: PATCH"]


@pytest.mark.parametrize("target", [b"/v1/lists", b"/nowhere", b"/internal/v1/x"])
def test_a_preflight_is_answered_here(wire: Wire, target: bytes) -> None:
    lines = "".join(f"{line}\r\n" for line in PREFLIGHT).encode()
    answer = wire.ask(GET.replace(b"GET /v1/lists", b"OPTIONS " + target) + lines + b"\r\n", method="OPTIONS")

    assert answer.status == 204
    assert answer["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer
    assert {"PATCH", "DELETE"} <= set(answer["access-control-allow-methods"].split(", "))
    assert {"Authorization", "If-Match"} <= set(answer["access-control-allow-headers"].split(", "))
    assert wire.service.seen == []


def test_options_without_a_question_is_the_services(wire: Wire) -> None:
    assert wire.get("Origin: https://app.test", method="OPTIONS").status == 200
    assert wire.service.last.target == "OPTIONS /v1/lists"


def test_long_names_are_not_remembered(wire: Wire) -> None:
    before = sum(len(name) + len(value) for name, value in envelope._passing)
    for i in range(20):
        wire.get(f"x-{i}-{'a' * 10_000}: 1")

    assert sum(len(name) + len(value) for name, value in envelope._passing) - before < 10_000


def test_a_host_longer_than_any_name_is_400(wire: Wire) -> None:
    assert wire.ask(b"GET /v1/lists HTTP/1.1\r\nHost: " + b"a" * 256 + b"\r\n\r\n").status == 400


def test_a_name_that_is_no_latin_1_is_502(wire: Wire) -> None:
    assert wire.told("200 OK", ("\u2603", "a")).status == 502


def test_options_that_may_go_no_further_is_answered_here(wire: Wire) -> None:
    answer = wire.get("Max-Forwards: 0", method="OPTIONS")

    assert (answer.status, "GET" in answer["allow"]) == (204, True)
    assert wire.service.seen == []
