from typing import Any

import pytest

from libs.identity.principal import ENVIRON_KEY, Call, Caller
from libs.rpc import environ
from libs.rpc import http_bridge_pb2 as pb

CALL = Call(Caller.of("gateway"), None, "request-1", "/v1/lists", "10.0.0.9")


def request(*headers: tuple[str, bytes], **fields: Any) -> pb.Request:
    values: dict[str, Any] = {
        "method": "GET",
        "raw_path": b"/v1/lists",
        "authority": "example.org:8443",
        "scheme": "https",
        **fields,
    }
    return pb.Request(headers=[pb.Header(name=name, value=value) for name, value in headers], **values)


def test_names_the_request_the_way_pep_3333_does() -> None:
    built = environ.build(request(method="PUT", query=b"a=1&b=%20", body=b"12345"), CALL)

    assert built["REQUEST_METHOD"] == "PUT"
    assert built["QUERY_STRING"] == "a=1&b=%20"
    assert built["HTTP_HOST"] == "example.org:8443"
    assert (built["SERVER_NAME"], built["SERVER_PORT"]) == ("example.org", "8443")
    assert built["wsgi.url_scheme"] == "https"
    assert built["REMOTE_ADDR"] == "10.0.0.9"
    assert built["wsgi.input"].read() == b"12345"


@pytest.mark.parametrize(
    ("raw_path", "path_info"),
    [
        (b"/v1/lists", "/v1/lists"),
        (b"/v1/a%20b", "/v1/a b"),
        (b"/v1/%C3%A4", "/v1/\u00c3\u00a4"),  # UTF-8 bytes as latin-1, as PEP 3333 asks
        (b"/v1/tasks:batch", "/v1/tasks:batch"),
    ],
)
def test_decodes_the_path_into_bytes_as_latin_1(raw_path: bytes, path_info: str) -> None:
    assert environ.build(request(raw_path=raw_path), CALL)["PATH_INFO"] == path_info


@pytest.mark.parametrize("name", ["x_request_id", "x-mt call", "x\n", "", "x-ü", "content_type"])
def test_drops_names_that_could_pose_as_others(name: str) -> None:
    built = environ.build(request((name, b"forged")), CALL)

    assert "forged" not in built.values()


@pytest.mark.parametrize("name", ["host", "content-length", "transfer-encoding", "connection", "proxy", "te"])
def test_drops_headers_that_the_envelope_itself_tells(name: str) -> None:
    built = environ.build(request((name, b"forged"), body=b"abc"), CALL)

    assert "forged" not in built.values()
    assert built["CONTENT_LENGTH"] == "3"


def test_always_sets_the_length_from_the_body() -> None:
    assert environ.build(request(), CALL)["CONTENT_LENGTH"] == "0"
    assert environ.build(request(("content-length", b"1"), body=b"12345"), CALL)["CONTENT_LENGTH"] == "5"


def test_joins_repeats_with_commas_and_cookies_with_semicolons() -> None:
    built = environ.build(
        request(("accept", b"text/html"), ("cookie", b"a=1"), ("accept", b"*/*"), ("cookie", b"b=2")), CALL
    )

    assert built["HTTP_ACCEPT"] == "text/html, */*"
    assert built["HTTP_COOKIE"] == "a=1; b=2"


def test_puts_the_content_type_under_its_own_key() -> None:
    built = environ.build(request(("Content-Type", b"application/json")), CALL)

    assert built["CONTENT_TYPE"] == "application/json"
    assert "HTTP_CONTENT_TYPE" not in built


def test_carries_the_call_and_its_request_id_whatever_the_headers_say() -> None:
    built = environ.build(request(("x-request-id", b"forged")), CALL)

    assert built[ENVIRON_KEY] is CALL
    assert built["HTTP_X_REQUEST_ID"] == "request-1"


@pytest.mark.parametrize(
    ("authority", "scheme", "expected"),
    [
        ("todo", "http", ("todo", "80")),
        ("todo", "https", ("todo", "443")),
        ("[::1]:8080", "http", ("::1", "8080")),
        ("[::1]", "http", ("::1", "80")),
        ("", "http", ("localhost", "80")),
    ],
)
def test_splits_the_authority(authority: str, scheme: str, expected: tuple[str, str]) -> None:
    built = environ.build(request(authority=authority, scheme=scheme), CALL)

    assert (built["SERVER_NAME"], built["SERVER_PORT"]) == expected
