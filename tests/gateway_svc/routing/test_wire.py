"""Requests as bytes: which the gateway refuses, how, and that nothing behind them is carried out."""

from collections.abc import Iterator

import pytest

from libs.rpc import http_protocol
from tests.gateway_svc.wire import GET, PROBLEM, Wire, listening

POST = b"POST /v1/lists HTTP/1.1\r\nHost: api.test\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
ABC = b"3\r\nabc\r\n0\r\n\r\n"

#: What an attacker hides behind a request, hoping that it is taken for one of its own.
SMUGGLED = b"GET /v1/lists/smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Wire]:
    with listening() as wire:
        yield wire


@pytest.fixture
def wire(running: Wire) -> Wire:
    return running.fresh()


def table(rows: dict[str, tuple[object, ...]]) -> list[object]:
    return [pytest.param(*row, id=name) for name, row in rows.items()]


def line(text: bytes | str) -> bytes:
    """A request with one more header line, and a body for those who think that there is one."""
    return POST + (text if isinstance(text, bytes) else text.encode()) + b"\r\n\r\n" + ABC


def to(target: bytes, host: bytes = b"api.test") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"


# --- framing ---------------------------------------------------------------------------------------------------------

REFUSED = {
    "TE and CL": (line("Transfer-Encoding: chunked\r\nContent-Length: 3"), 400),
    "CL and TE": (line("Content-Length: 3\r\nTransfer-Encoding: chunked"), 400),
    "CL and TE in an upgrade": (
        line("Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\nTransfer-Encoding: chunked"), 400,
    ),
    "CL twice, the same": (line("Content-Length: 3\r\nContent-Length: 3"), 400),
    "CL twice, different": (line("Content-Length: 3\r\nContent-Length: 13"), 400),
    "CL twice, odd case": (line("Content-Length: 3\r\ncontent-LENGTH: 3"), 400),
    "CL with plus": (line("Content-Length: +3"), 400),
    "CL with minus": (line("Content-Length: -3"), 400),
    "CL as list": (line("Content-Length: 3, 3"), 400),
    "CL as two words": (line("Content-Length: 3 3"), 400),
    "CL in hex": (line("Content-Length: 0x3"), 400),
    "CL with underscore": (line("Content-Length: 1_3"), 400),
    "CL with exponent": (line("Content-Length: 1e1"), 400),
    "CL in other digits": (line("Content-Length: ٣"), 400),
    "CL with vertical tab": (line("Content-Length: \x0b3"), 400),
    "CL with thousands of zeros": (line("Content-Length: " + "0" * 5000 + "3"), 400),
    "CL empty": (line("Content-Length:"), 400),
    "CL beyond 64 bits": (line("Content-Length: 18446744073709551619"), 400),
    "TE unknown": (line("Transfer-Encoding: xchunked"), 501),
    "TE identity": (line("Transfer-Encoding: identity"), 501),
    "TE empty": (line("Transfer-Encoding:"), 400),
    "TE chunked, identity": (line("Transfer-Encoding: chunked, identity"), 400),
    "TE identity, chunked": (line("Transfer-Encoding: identity, chunked"), 501),
    "TE gzip, chunked": (line("Transfer-Encoding: gzip, chunked"), 501),
    "TE chunked twice": (line("Transfer-Encoding: chunked, chunked"), 400),
    "TE chunked in two lines": (line("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400),
    "TE identity and chunked in two lines": (line("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"), 501),
    "TE chunked and identity in two lines": (line("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), 400),
    "TE with comma before": (line("Transfer-Encoding: ,chunked"), 501),
    "TE with comma behind": (line("Transfer-Encoding: chunked,"), 400),
    "TE with parameter": (line("Transfer-Encoding: chunked;q=1"), 501),
    "TE in quotes": (line('Transfer-Encoding: "chunked"'), 501),
    "TE with vertical tab": (line("Transfer-Encoding: \x0bchunked"), 400),
    "TE with vertical tab behind": (line("Transfer-Encoding: chunked\x0b"), 400),
    "TE with tab behind": (line("Transfer-Encoding: chunked\t"), 400),
    "TE with no-break space": (line(b"Transfer-Encoding: \xa0chunked"), 501),
    "TE in HTTP/1.0": (line("Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
    "TE in HTTP/1.0 kept alive": (
        line("Connection: keep-alive\r\nTransfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0"), 400,
    ),
    "TE folded": (line("Transfer-Encoding:\r\n chunked"), 400),
    "TE with space before the colon": (line("Transfer-Encoding : chunked"), 400),
    "CL with space before the colon": (line("Content-Length : 3"), 400),
    "CL with tab before the colon": (line("Content-Length\t: 3"), 400),
    "TE behind a bare LF": (line("X: a\nTransfer-Encoding: chunked"), 400),
    "TE behind a bare CR": (line("X: a\rTransfer-Encoding: chunked"), 400),
    "folded header": (line("X: a\r\n b"), 400),
    "header folded with tab": (line("X: a\r\n\tb"), 400),
    "first header folded": (b"GET /v1/lists HTTP/1.1\r\n Host: api.test\r\n\r\n", 400),
    "no colon": (line("X"), 400),
    "no name": (line(": a"), 400),
    "space in name": (line("X Y: a"), 400),
    "parenthesis in name": (line("X(Y): a"), 400),
    "NUL in name": (line("X\0: a"), 400),
    "Latin-1 in name": (line(b"X\xe4: a"), 400),
    "NUL in value": (line("X: a\0b"), 400),
    "control in value": (line("X: \x1b[2J"), 400),
    "DEL in value": (line("X: \x7f"), 400),
    "two CRs": (line("X: a\r"), 400),
    "bare LFs only": (b"GET /v1/lists HTTP/1.1\nHost: api.test\n\n", 400),
    "bare CRs only": (b"GET /v1/lists HTTP/1.1\rHost: api.test\r\r", 400),
    "head ended by a bare LF": (b"GET /v1/lists HTTP/1.1\r\nHost: api.test\r\n\n", 400),
    "chunk size with letters": (CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n", 400),
    "chunk size negative": (CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", 400),
    "chunk size with plus": (CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n", 400),
    "chunk size with 0x": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    "chunk size empty": (CHUNKED + b"\r\nabc\r\n0\r\n\r\n", 400),
    "chunk size beyond 64 bits": (CHUNKED + b"10000000000000003\r\nabc\r\n0\r\n\r\n", 400),
    "chunk size with space": (CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", 400),
    "chunk size behind space": (CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n", 400),
    "chunk line ended by LF": (CHUNKED + b"3\nabc\n0\n\n", 400),
    "chunk ended by LF": (CHUNKED + b"3\r\nabc\n0\r\n\r\n", 400),
    "chunk longer than its size": (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 400),
    "chunk extension with LF": (CHUNKED + b"3;a\nabc\r\n0\r\n\r\n", 400),
    "chunk extension with open quote": (CHUNKED + b'3;a="b\r\nabc\r\n0\r\n\r\n', 400),
    "trailer that is none": (CHUNKED + b"3\r\nabc\r\n0\r\nX Y: a\r\n\r\n", 400),
    "trailer Content-Length": (CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 50\r\n\r\n", 400),
    "trailer Transfer-Encoding": (CHUNKED + b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /v1/lists\r\n\r\n", 505),
    "HTTP/1.2": (b"GET /v1/lists HTTP/1.2\r\nHost: api.test\r\n\r\n", 400),
    "HTTP/1.10": (b"GET /v1/lists HTTP/1.10\r\nHost: api.test\r\n\r\n", 400),
    "HTTP/2.0": (b"GET /v1/lists HTTP/2.0\r\nHost: api.test\r\n\r\n", 505),
    "http in lower case": (b"GET /v1/lists http/1.1\r\nHost: api.test\r\n\r\n", 400),
    "another protocol": (b"GET /v1/lists ICE/1.0\r\nHost: api.test\r\n\r\n", 400),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 400),
    "ClientHello of TLS": (bytes.fromhex("16030100a5010000a10303") + bytes(160), 400),
    "garbage": (bytes(range(256)), 400),
    "NULs": (bytes(1000), 400),
    "method in lower case": (b"get /v1/lists HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "method that is none": (b"BREW /v1/lists HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "method missing": (b" /v1/lists HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "CONNECT": (b"CONNECT api.test:80 HTTP/1.1\r\nHost: api.test:80\r\n\r\n", 501),
    "CONNECT with body": (b"CONNECT /v1/lists HTTP/1.1\r\nHost: api.test\r\nContent-Length: 3\r\n\r\n" + ABC, 501),
    "CONNECT with upgrade": (
        b"CONNECT /v1 HTTP/1.1\r\nHost: api.test\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 501,
    ),
    "expectation that is unknown": (line("Expect: 200-ok"), 417),
    "expectation in two": (line("Expect: 100-continue, 200-ok"), 417),
}  # fmt: skip


@pytest.mark.parametrize(("request_bytes", "status"), table(REFUSED))
def test_what_can_be_read_in_two_ways_is_refused_with_all_that_follows(
    wire: Wire, request_bytes: bytes, status: int
) -> None:
    with wire.connect() as client:
        answer = client.send(request_bytes + SMUGGLED).answer()

        assert (answer.status, answer["content-type"], answer["connection"]) == (status, PROBLEM, "close")
        assert client.send(SMUGGLED).is_closed()
    assert wire.service.seen == []


@pytest.mark.parametrize("request_bytes", [row[0] for row in REFUSED.values()], ids=REFUSED)
def test_what_is_refused_is_refused_in_any_number_of_packets(wire: Wire, request_bytes: bytes) -> None:
    answer = wire.ask(*(request_bytes[i : i + 7] for i in range(0, len(request_bytes), 7)))

    assert 400 <= answer.status < 506
    assert wire.service.seen == []


TAKEN = {
    "CL": (POST + b"Content-Length: 3\r\n\r\nabc", b"abc"),
    "CL in odd case": (POST + b"cOnTeNt-lEnGtH: 3\r\n\r\nabc", b"abc"),
    "CL among spaces": (POST + b"Content-Length: \t 3 \t\r\n\r\nabc", b"abc"),
    "CL without a space": (POST + b"Content-Length:3\r\n\r\nabc", b"abc"),
    "CL with zeros": (POST + b"Content-Length: 0003\r\n\r\nabc", b"abc"),
    "chunked": (CHUNKED + ABC, b"abc"),
    "chunked in odd case": (line("Transfer-Encoding: cHUNKED"), b"abc"),
    "chunked behind tab": (line("Transfer-Encoding:\tchunked "), b"abc"),
    "chunk size with zeros": (CHUNKED + b"0003\r\nabc\r\n0000\r\n\r\n", b"abc"),
    "chunk with extension": (CHUNKED + b'3;a=b;c="d;e"\r\nabc\r\n0;x\r\n\r\n', b"abc"),
    "chunk of one byte each": (CHUNKED + b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
    "chunked with trailers": (CHUNKED + b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n", b"abc"),
    "neither": (POST + b"\r\n", b""),
    "underscore in place of the dash": (POST + b"Content_Length: 3\r\n\r\n", b""),
    "empty lines before": (b"\r\n\r\n" + GET + b"\r\n", b""),
    "body of a GET": (GET + b"Content-Length: 3\r\n\r\nabc", b"abc"),
}


@pytest.mark.parametrize(("request_bytes", "body"), table(TAKEN))
def test_what_is_clear_is_taken_and_the_next_request_begins_behind_it(
    wire: Wire, request_bytes: bytes, body: bytes
) -> None:
    with wire.connect() as client:
        client.send(request_bytes + b"GET /v1/lists/next HTTP/1.1\r\nHost: api.test\r\n\r\n")
        assert [client.answer().status, client.answer().status] == [200, 200]

    assert [seen.body for seen in wire.service.seen] == [body, b""]
    assert wire.service.last.target == "GET /v1/lists/next"


def test_what_is_longer_than_its_length_is_the_begin_of_a_broken_request(wire: Wire) -> None:
    with wire.connect() as client:
        assert client.send(POST + b"Content-Length: 3\r\n\r\nabcdef\r\n\r\n" + SMUGGLED).answer().status == 200
        assert client.is_closed()

    assert [seen.body for seen in wire.service.seen] == [b"abc"]


def test_trailers_are_no_headers(wire: Wire) -> None:
    trailers = (
        b"Host: evil.test\r\nX-Forwarded-For: 6.6.6.6\r\nX-Trailer: 1\r\nAuthorization: Bearer x\r\n"
        b"Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nExpect: 100-continue\r\n"
    )
    with wire.connect() as client:
        client.send(CHUNKED + b"3\r\nabc\r\n0\r\n" + trailers + b"\r\n" + GET + b"\r\n")
        assert [client.answer().status, client.answer().status] == [200, 200]

    for seen in wire.service.seen:
        assert seen.headers["host"] == "api.test"
        assert "x-trailer" not in seen.headers
        assert "6.6.6.6" not in str(seen.headers)
        assert "4bf92f3577b34da6a3ce929d0e0e4736" not in seen.headers["traceparent"]


@pytest.mark.parametrize("broken", [b"nonsense\r\n\r\n", CHUNKED + b"zz\r\n", to(b"/#"), line("Content-Length: x")])
def test_a_broken_request_is_not_answered_in_the_place_of_the_one_before(wire: Wire, broken: bytes) -> None:
    with wire.connect() as client:
        assert client.send(GET + b"\r\n" + broken + SMUGGLED).answer().body == b"ok"
        assert client.is_closed()

    assert [seen.target for seen in wire.service.seen] == ["GET /v1/lists"]


# --- targets and hosts -----------------------------------------------------------------------------------------------

TARGETS = {
    "absolute, of another host": (to(b"http://evil.test/v1/lists"), 400),
    "absolute, of another port": (to(b"http://api.test:81/v1/lists"), 400),
    "absolute, with a user": (to(b"http://api.test@evil.test/v1/lists"), 400),
    "absolute, with our host as user": (to(b"http://evil.test@api.test/v1/lists"), 400),
    "absolute, without a host": (to(b"http:///v1/lists"), 400),
    "absolute, without slashes": (to(b"http:/v1/lists"), 400),
    "absolute, of another scheme": (to(b"ftp://api.test/v1/lists"), 400),
    "absolute, nowhere": (to(b"http://api.test"), 404),
    "authority": (to(b"api.test:80"), 400),
    "asterisk": (to(b"*"), 400),
    "asterisk of OPTIONS": (b"OPTIONS * HTTP/1.1\r\nHost: api.test\r\n\r\n", 400),
    "empty": (to(b""), 400),
    "relative": (to(b"v1/lists"), 400),
    "script": (to(b"javascript:alert(1)"), 400),
    "two slashes": (to(b"//v1/lists"), 400),
    "two slashes inside": (to(b"/v1//lists"), 400),
    "other host behind two slashes": (to(b"//evil.test/v1/lists"), 400),
    "dots": (to(b"/v1/lists/../../internal/v1/revocations"), 400),
    "one dot": (to(b"/v1/./lists"), 400),
    "dots at the end": (to(b"/v1/lists/.."), 400),
    "dots encoded": (to(b"/v1/lists/%2e%2e/internal/v1/revocations"), 400),
    "dots half encoded": (to(b"/v1/lists/.%2E/x"), 400),
    "dots with parameters": (to(b"/v1/lists/..;/x"), 400),
    "dots in overlong UTF-8": (to(b"/v1/lists/%c0%ae%c0%ae/x"), 400),
    "internal": (to(b"/internal/v1/revocations"), 404),
    "internal encoded": (to(b"/%69nternal/v1/revocations"), 404),
    "slash encoded": (to(b"/v1%2flists"), 400),
    "slash encoded at the end": (to(b"/v1/lists%2F7"), 400),
    "backslash": (to(b"/v1/lists\\7"), 400),
    "backslash encoded": (to(b"/v1/lists%5c7"), 400),
    "NUL": (to(b"/v1/lists\0"), 400),
    "NUL encoded": (to(b"/v1/lists/%00"), 400),
    "CR and LF encoded": (to(b"/v1/lists/%0d%0aSet-Cookie:%20a=1"), 400),
    "escape broken": (to(b"/v1/lists/%zz"), 400),
    "escape cut": (to(b"/v1/lists/%4"), 400),
    "no UTF-8": (to(b"/v1/lists/%ff%fe"), 400),
    "Latin-1": (to(b"/v1/lists/\xe4"), 400),
    "Latin-1 in query": (to(b"/v1/lists?\xe4"), 400),
    "control in query": (to(b"/v1/lists?\x01"), 400),
    "space": (to(b"/v1/li sts"), 400),
    "tab": (to(b"/v1/lists\t"), 400),
    "fragment": (to(b"/v1/lists#a"), 400),
    "fragment in query": (to(b"/v1/lists?a#b"), 400),
    "64 KiB of path": (to(b"/v1/lists/" + b"a" * 65536), 414),
    "64 KiB of query": (to(b"/v1/lists?" + b"a" * 65536), 414),
    "parameters beside a route": (to(b"/v1/lists;a=b"), 404),
    "semicolon encoded beside a route": (to(b"/v1/lists%3Ba"), 404),
    "route in another case": (to(b"/V1/LISTS"), 404),
    "Host missing": (b"GET /v1/lists HTTP/1.1\r\n\r\n", 400),
    "Host empty": (to(b"/v1/lists", b""), 400),
    "Host twice": (to(b"/v1/lists", b"api.test\r\nHost: api.test"), 400),
    "Host twice, different": (to(b"/v1/lists", b"api.test\r\nHost: evil.test"), 400),
    "Host with path": (to(b"/v1/lists", b"api.test/evil"), 400),
    "Host with user": (to(b"/v1/lists", b"evil@api.test"), 400),
    "Host with query": (to(b"/v1/lists", b"api.test?"), 400),
    "Host with fragment": (to(b"/v1/lists", b"api.test#"), 400),
    "Host with space": (to(b"/v1/lists", b"api.test evil"), 400),
    "Host with quote": (to(b"/v1/lists", b'api.test";proto=https'), 400),
    "Host with comma": (to(b"/v1/lists", b"api.test, evil.test"), 400),
    "Host with port that is none": (to(b"/v1/lists", b"api.test:port"), 400),
    "Host with empty port": (to(b"/v1/lists", b"api.test:"), 400),
    "Host encoded": (to(b"/v1/lists", b"api%2etest"), 400),
    "Host with Latin-1": (to(b"/v1/lists", b"\xe4pi.test"), 400),
    "Host with open bracket": (to(b"/v1/lists", b"[::1"), 400),
    "TRACE": (b"TRACE /v1/lists HTTP/1.1\r\nHost: api.test\r\nMax-Forwards: 0\r\n\r\n", 405),
    "PROPFIND": (b"PROPFIND /v1/lists HTTP/1.1\r\nHost: api.test\r\n\r\n", 405),
}  # fmt: skip


@pytest.mark.parametrize(("request_bytes", "status"), table(TARGETS))
def test_a_target_or_host_that_is_none_reaches_no_service(wire: Wire, request_bytes: bytes, status: int) -> None:
    answer = wire.ask(request_bytes)

    assert (answer.status, answer["content-type"]) == (status, PROBLEM)
    assert "set-cookie" not in answer
    assert wire.service.seen == []


PASSING = {
    "absolute, of the same host": (to(b"http://api.test/v1/lists?q=1"), "/v1/lists", "q=1", "api.test"),
    "absolute, in odd case": (to(b"HTTP://API.test/v1/lists"), "/v1/lists", "", "api.test"),
    "absolute, of an IPv6 host": (to(b"http://[::1]:80/v1/lists", b"[::1]:80"), "/v1/lists", "", "[::1]:80"),
    "a letter encoded": (to(b"/v1/%6cists"), "/v1/lists", "", "api.test"),
    "encoded twice": (to(b"/v1/lists/%252e%252e"), "/v1/lists/%2e%2e", "", "api.test"),
    "UTF-8": (to(b"/v1/lists/%C3%A4"), "/v1/lists/\xc3\xa4", "", "api.test"),
    "space encoded": (to(b"/v1/lists/a%20b+c"), "/v1/lists/a b+c", "", "api.test"),
    "parameters": (to(b"/v1/lists/7;a=b"), "/v1/lists/7;a=b", "", "api.test"),
    "colon": (to(b"/v1/tasks:batch"), "/v1/tasks:batch", "", "api.test"),
    "query as it is": (to(b"/v1/lists?a=%2F%00&b=//../&c?"), "/v1/lists", "a=%2F%00&b=//../&c?", "api.test"),
    "CR and LF encoded in the query": (to(b"/v1/lists?q=%0d%0aX:%20y"), "/v1/lists", "q=%0d%0aX:%20y", "api.test"),
    "address in the query": (to(b"/v1/lists?u=http://evil.test/"), "/v1/lists", "u=http://evil.test/", "api.test"),
    "port": (to(b"/v1/lists", b"api.test:8080"), "/v1/lists", "", "api.test:8080"),
    "HTTP/1.0": (b"GET /v1/lists HTTP/1.0\r\nHost: api.test\r\n\r\n", "/v1/lists", "", "api.test"),
    "HTTP/1.0 without Host": (b"GET /v1/lists HTTP/1.0\r\n\r\n", "/v1/lists", "", "localhost"),
}


@pytest.mark.parametrize(("request_bytes", "path", "query", "host"), table(PASSING))
def test_a_clear_target_reaches_the_service_as_it_was_meant(
    wire: Wire, request_bytes: bytes, path: str, query: str, host: str
) -> None:
    assert wire.ask(request_bytes).status == 200

    environ = wire.service.last.environ
    assert (environ["PATH_INFO"], environ["QUERY_STRING"], environ["HTTP_HOST"]) == (path, query, host)


def test_an_http_1_0_connection_ends_with_its_answer(wire: Wire) -> None:
    for connection in (b"", b"Connection: keep-alive\r\n"):
        with wire.connect() as client:
            answer = client.send(b"GET /v1/lists HTTP/1.0\r\nHost: api.test\r\n" + connection + b"\r\n").answer()
            assert (answer.status, answer["connection"]) == (200, "close")
            assert client.is_closed()


# --- limits ----------------------------------------------------------------------------------------------------------

LONG = {
    "one header": ((GET + b"X: " + b"a" * 65536 + b"\r\n\r\n",), 431),
    "one name": ((GET + b"x" * 65536 + b": a\r\n\r\n",), 431),
    "many bytes": ((GET + b"X: " + (b"a" * 990 + b"\r\nX: ") * 70 + b"\r\n\r\n",), 431),
    "many headers": ((GET + b"X: a\r\n" * 300 + b"\r\n",), 431),
    "one header in pieces": ((GET + b"X: ", *[b"a" * 8000] * 80), 431),
    "headers without end": ((GET, *[b"X: " + b"a" * 1000 + b"\r\n"] * 300), 431),
    "trailers": ((CHUNKED + ABC[:-2], *[b"X: " + b"a" * 1000 + b"\r\n"] * 300), 431),
    "one trailer": ((CHUNKED + ABC[:-2] + b"X: ", *[b"a" * 8000] * 80), 431),
    "one chunk extension": ((CHUNKED + b"3;", *[b"a" * 8000] * 80), 431),
    "target": ((b"GET /", *[b"a" * 8000] * 80), 414),
    "method": ((b"G" * 100_000,), 400),
    "declared body": ((POST + b"Content-Length: 1048577\r\n\r\n",), 413),
    "declared body and its begin": ((POST + b"Content-Length: 100000000\r\n\r\n", b"a" * 3_000_000), 413),
    "declared body of HTTP/1.0": (
        (POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Content-Length: 100000000\r\n\r\n", b"a" * 3_000_000), 413,
    ),
    "declared body to be closed": (
        (POST + b"Connection: close\r\nContent-Length: 100000000\r\n\r\n", b"a" * 3_000_000), 413,
    ),
    "expected body": ((POST + b"Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n",), 413),
    "chunked body": ((CHUNKED, *[b"10000\r\n" + b"a" * 65536 + b"\r\n"] * 40), 413),
    "body of 2**63 bytes": ((POST + b"Content-Length: 9223372036854775808\r\n\r\n",), 413),
}  # fmt: skip


@pytest.mark.parametrize(("pieces", "status"), table(LONG))
def test_what_is_too_long_is_refused_before_it_ends(wire: Wire, pieces: tuple[bytes, ...], status: int) -> None:
    with wire.connect() as client:
        answer = client.send(*pieces).answer()

        assert (answer.status, answer["content-type"], answer["connection"]) == (status, PROBLEM, "close")
        assert answer.interim == []
        assert client.is_closed()
    assert wire.service.seen == []


def test_what_is_just_short_enough_passes(wire: Wire) -> None:
    head = b"X-A: " + b"a" * 30_000 + b"\r\nX-B: " + b"b" * 30_000 + b"\r\n"

    assert wire.ask(GET + head + b"\r\n").status == 200
    assert wire.ask(GET + b"X: a\r\n" * 150 + b"\r\n").status == 200
    assert wire.ask(to(b"/v1/lists?q=" + b"a" * 15_000)).status == 200
    assert wire.ask(POST + b"Content-Length: 1048576\r\n\r\n", b"a" * 1_048_576).status == 200
    assert len(wire.service.last.body) == 1_048_576


@pytest.mark.parametrize("name", [b"100-continue", b"100-CONTINUE"])
def test_a_client_that_asks_is_told_to_go_on(wire: Wire, name: bytes) -> None:
    with wire.connect() as client:
        client.send(POST + b"Expect: " + name + b"\r\nContent-Length: 3\r\n\r\n")
        assert client.line() == b"HTTP/1.1 100 Continue"
        assert client.send(b"abc").answer().status == 200

    assert wire.service.last.body == b"abc"
    assert "expect" not in wire.service.last.headers


def test_an_http_1_0_client_is_not_told_to_go_on(wire: Wire) -> None:
    answer = wire.ask(b"POST /v1/lists HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")

    assert (answer.status, answer.interim) == (200, [])


SLOW = {
    "head": (GET,),
    "target": (b"GET /v1",),
    "body": (POST + b"Content-Length: 3\r\n\r\nab",),
    "chunk": (CHUNKED + b"3\r\nab",),
    "huge chunk": (CHUNKED + b"fffffffffffffff\r\n",),
    "trailers": (CHUNKED + ABC[:-2],),
}


@pytest.mark.parametrize("pieces", SLOW.values(), ids=SLOW)
def test_a_request_that_stops_is_408(wire: Wire, monkeypatch: pytest.MonkeyPatch, pieces: tuple[bytes, ...]) -> None:
    monkeypatch.setattr(http_protocol, "PATIENCE_SECONDS", 0.15)
    with wire.connect() as client:
        answer = client.send(*pieces).answer()

        assert (answer.status, answer["content-type"], answer["connection"]) == (408, PROBLEM, "close")
        assert client.is_closed()
    assert wire.service.seen == []


def test_a_connection_without_a_request_ends_without_a_word(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "PATIENCE_SECONDS", 0.15)

    with wire.connect() as client:
        assert client.is_closed()


# --- other protocols -------------------------------------------------------------------------------------------------

UPGRADES = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    "TLS": b"Connection: Upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n",
    "two": b"Connection: upgrade\r\nUpgrade: websocket, h2c\r\n",
    "unnamed": b"Upgrade: h2c\r\n",
    "websocket without its key": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
}


@pytest.mark.parametrize("offer", UPGRADES.values(), ids=UPGRADES)
def test_an_offer_to_upgrade_is_declined_and_goes_no_further(wire: Wire, offer: bytes) -> None:
    with wire.connect() as client:
        client.send(POST + offer + b"Content-Length: 3\r\n\r\nabc" + GET + b"\r\n")
        assert [client.answer().status, client.answer().status] == [200, 200]

    assert [seen.body for seen in wire.service.seen] == [b"abc", b""]
    assert not {"upgrade", "connection", "http2-settings"} & wire.service.seen[0].headers.keys()


def test_a_web_socket_is_refused(wire: Wire) -> None:
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    with wire.connect() as client:
        answer = client.send(GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + key + b"\r\n").answer()

        assert (answer.status, answer.json()["code"]) == (404, "no_websocket")
        assert client.is_closed()
    assert wire.service.seen == []
