import pytest

from libs.contracts.errors import ServiceError
from libs.rpc.framing import check, origin_form

Headers = list[tuple[bytes, bytes]]
CHUNKED = (b"transfer-encoding", b"chunked")
EXPECT = (b"expect", b"100-continue")


@pytest.mark.parametrize(
    ("version", "headers"),
    [
        ("1.1", []),
        ("1.0", []),
        ("1.1", [(b"content-length", b"3")]),
        ("1.1", [(b"transfer-encoding", b"Chunked")]),
        ("1.1", [(b"expect", b"100-Continue")]),
        ("1.0", [(b"expect", b"anything")]),
    ],
)
def test_lets_ordinary_requests_pass(version: str, headers: Headers) -> None:
    check(b"POST", version, headers, dict(headers))


@pytest.mark.parametrize(
    ("method", "version", "headers", "status"),
    [
        (b"CONNECT", "1.1", [], 501),
        (b"GET", "0.9", [], 505),
        (b"GET", "2.0", [], 505),
        (b"POST", "1.1", [(b"content-length", b"0" * 5000 + b"3")], 400),
        (b"POST", "1.0", [CHUNKED], 400),
        (b"POST", "1.1", [(b"transfer-encoding", b"identity")], 501),
        (b"POST", "1.1", [(b"transfer-encoding", b"gzip, chunked")], 501),
        (b"POST", "1.1", [(b"transfer-encoding", b"identity"), CHUNKED], 501),
        (b"POST", "1.1", [CHUNKED, CHUNKED], 501),
        (b"POST", "1.1", [(b"transfer-encoding", b"\xa0chunked")], 501),
        (b"POST", "1.1", [(b"expect", b"100-continue, 100-continue")], 417),
        (b"POST", "1.1", [(b"expect", b"gold"), EXPECT], 417),
        (b"POST", "1.1", [EXPECT, EXPECT], 417),
        (b"POST", "1.1", [(b"expect", b"")], 417),
    ],
)
def test_refuses_what_others_could_read_differently(method: bytes, version: str, headers: Headers, status: int) -> None:
    with pytest.raises(ServiceError) as refused:
        check(method, version, headers, dict(headers))

    assert refused.value.status == status


@pytest.mark.parametrize(
    ("target", "origin"),
    [
        (b"/", b"/"),
        (b"*", b"*"),
        (b"/v1/lists?url=http://y/", b"/v1/lists?url=http://y/"),
        (b"//y/lists", b"//y/lists"),
        (b"http://x:80/v1/lists?a=b", b"/v1/lists?a=b"),
        (b"HTTPS://X:80/v1", b"/v1"),
        (b"http://x:80", b"/"),
        (b"http://x:80?a", b"/?a"),
    ],
)
def test_gives_the_path_of_an_address_at_the_same_host(target: bytes, origin: bytes) -> None:
    assert origin_form(target, b"x:80") == origin


@pytest.mark.parametrize(
    "target",
    [
        b"/#fragment", b"/?a#b", b"http://x:80/#f", b"*#", b"http://y/", b"http://x/", b"http://x:80@y/", b"http://y@x:80/",
        b"ftp://x:80/", b"http:/v1", b"http:///v1", b"x:80", b"v1", b"",
    ],
)  # fmt: skip
def test_refuses_another_host_or_what_is_no_address(target: bytes) -> None:
    with pytest.raises(ServiceError) as refused:
        origin_form(target, b"x:80")

    assert refused.value.status == 400
