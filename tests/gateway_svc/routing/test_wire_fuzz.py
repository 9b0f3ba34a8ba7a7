"""Requests with random faults: each is refused or answered, none breaks anything, and the next one is served."""

import re
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.rpc import http_protocol
from tests.gateway_svc.wire import GET, Answer, Seen, Wire, listening

#: What may come back: never a 5xx that says that something broke here.
ALLOWED = {200, 204, 400, 404, 405, 408, 411, 413, 414, 417, 431, 501, 505}

PREFLIGHT = b"Origin: https://a.test\r\nAccess-Control-Request-Method: PUT\r\n\r\n"
UPGRADE = b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
TRACE = b"Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nTracestate: a=1,b=2\r\n"
VALID = [
    GET + b"Accept: */*\r\nUser-Agent: fuzz\r\n\r\n",
    GET + b"X-MT-User: forged\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close, x-forwarded-for\r\n\r\n",
    b'POST /v1/tasks/%C3%A4?q=%20 HTTP/1.1\r\nHost: api.test\r\nContent-Length: 7\r\n\r\n{"a":1}',
    b"PUT /v1/lists HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: 1\r\n\r\n",
    b"POST /v1/lists HTTP/1.0\r\nHost: api.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"OPTIONS /v1/lists HTTP/1.1\r\nHost: api.test\r\n" + PREFLIGHT,
    b"PATCH http://api.test/v1/lists HTTP/1.1\r\nHost: api.test\r\n" + UPGRADE,
    GET + TRACE + b"X-Request-ID: mine\r\nForwarded: for=6.6.6.6;proto=https\r\nVia: 1.1 a\r\nCookie: a=1; b=2\r\n\r\n",
]

#: What means something to a parser, for better chances than random bytes have.
TOKENS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\x0b", b":", b",", b";", b"_", b"%", b"%00", b"%2e", b"/", b"//",
    b"/../", b"\\", b"#", b"?", b"\xff", b"\xc3\xa4", b"0", b"-1", b"+", b"0x", b"ffffffffffffffff", b"HTTP/1.1",
    b"HTTP/2.0", b"Host: evil.test\r\n", b"Content-Length: 3\r\n", b"Content-Length: 4", b"Connection: close\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Upgrade: websocket\r\n",
    b"Expect: 100-continue\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"GET ", b"CONNECT ", b"x" * 300,
]  # fmt: skip


def faulty(random: Random) -> bytes:
    """One or two valid requests, with some bytes gone, doubled, changed, or put in; best at the begin of a word."""
    data = b"".join(random.choices(VALID, k=random.choice([1, 1, 2])))
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        words = [match.end() for match in re.finditer(b"\r\n|: ?|[ ,;/]", data)]
        begin = random.choice([random.choice([0, *words]), random.randint(0, len(data))])
        end = begin + random.choice([0, 0, 0, 1, 2, 12])
        put = random.choice([b"", data[begin:end] * 2, random.randbytes(2), *random.choices(TOKENS, k=9)])
        data = data[:begin] + put + data[end:]
    return data


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with listening() as wire:
        yield wire


@settings(max_examples=20, derandomize=True, deadline=None, database=None)
@given(seed=st.integers(0, 2**64), size=st.integers(1, 40))
def test_no_fault_in_a_request_breaks_anything(wire: Wire, seed: int, size: int) -> None:
    random = Random(seed)
    requests = [faulty(random) for _ in range(40)]

    answers = carried_out(wire, [[request] for request in requests])
    assert len(wire.service.seen) == sum(answer.body == b"ok" for answer in answers)

    carried_out(wire, [[request[i : i + size] for i in range(0, len(request), size)] for request in requests])

    assert wire.get().status == 200


def carried_out(wire: Wire, requests: list[list[bytes]]) -> list[Answer]:
    """Send each request over a connection of its own, all at once; give the answers."""
    wire.fresh()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_protocol, "PATIENCE_SECONDS", 0.03)
        clients = [wire.connect().send(*pieces) for pieces in requests]
        answers = [answer for client in clients for answer in client.until_closed()]
    for client in clients:
        client.close()
    assert {answer.status for answer in answers} <= ALLOWED
    for seen in wire.service.seen:
        check_seen(seen)
    return answers


def check_seen(seen: Seen) -> None:
    """Check that a service was told nothing that no client may say."""
    assert seen.client_ip == seen.headers["x-forwarded-for"] == "127.0.0.1"
    assert seen.headers["forwarded"].startswith("for=127.0.0.1;by=_gateway-1;")
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", seen.headers["traceparent"])
    assert re.fullmatch("[A-Za-z0-9._-]+|[A-Za-z0-9._-]+:[0-9]+|\\[[0-9a-f:.]+\\](:[0-9]+)?", seen.headers["host"])
    assert seen.headers["x-request-id"] != "mine"
    assert not {"x-mt-user", "connection", "upgrade", "te", "expect", "transfer-encoding"} & seen.headers.keys()
    assert seen.environ["CONTENT_LENGTH"] == str(len(seen.body))
