import pytest

from gateway_svc.routing.forwarding import TrustedProxies, added, parse_address
from tests.gateway_svc.conftest import Headers, http_scope

PROXIES = TrustedProxies(["10.0.0.0/8", "::1", "fd00::/8"])


def client_ip(peer: str, *headers: tuple[bytes, bytes]) -> str:
    return PROXIES.origin(http_scope("GET", "/", list(headers), client=(peer, 1))).client_ip


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", [(b"x-forwarded-for", b"6.6.6.6")], "203.0.113.7"),
        ("203.0.113.7", [(b"forwarded", b"for=6.6.6.6")], "203.0.113.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [(b"x-forwarded-for", b"198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [(b"x-forwarded-for", b"6.6.6.6, 198.51.100.1, 10.0.0.2")], "198.51.100.1"),
        ("10.0.0.1", [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [(b"x-forwarded-for", b"6.6.6.6, nonsense")], "10.0.0.1"),
        ("10.0.0.1", [(b"x-forwarded-for", b"6.6.6.6, nonsense, 10.0.0.2")], "10.0.0.2"),
        ("10.0.0.1", [(b"x-forwarded-for", b"10.0.0.3, 10.0.0.2")], "10.0.0.3"),
        ("10.0.0.1", [(b"x-forwarded-for", b"198.51.100.1:4711")], "198.51.100.1"),
        ("10.0.0.1", [(b"forwarded", b'for=6.6.6.6, for="[2001:db8::1]:4711";proto=https')], "2001:db8::1"),
        ("10.0.0.1", [(b"forwarded", b"for=198.51.100.1;by=_x"), (b"forwarded", b"for=10.0.0.4")], "198.51.100.1"),
        ("10.0.0.1", [(b"forwarded", b"for=_hidden")], "10.0.0.1"),
        ("::ffff:10.0.0.1", [(b"x-forwarded-for", b"198.51.100.1")], "198.51.100.1"),
        ("::1", [(b"x-forwarded-for", b"2001:db8::9")], "2001:db8::9"),
    ],
)
def test_reads_the_clients_address_from_the_right(peer: str, headers: Headers, expected: str) -> None:
    assert client_ip(peer, *headers) == expected


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("203.0.113.7", b"https", "http"),
        ("10.0.0.1", b"https", "https"),
        ("10.0.0.1", b"http, https", "https"),
        ("10.0.0.1", b"gopher", "http"),
    ],
)
def test_believes_the_scheme_of_trusted_proxies_only(peer: str, proto: bytes, scheme: str) -> None:
    scope = http_scope("GET", "/", [(b"x-forwarded-proto", proto)], client=(peer, 1))

    assert PROXIES.origin(scope).scheme == scheme


@pytest.mark.parametrize(
    ("forwarded", "scheme"),
    [
        (b"for=198.51.100.1;proto=https", "https"),
        (b'for=198.51.100.1;proto="HTTPS";by=_x, for=10.0.0.2;proto=http', "https"),
        (b"for=6.6.6.6;proto=https, for=198.51.100.1", "http"),
        (b"for=198.51.100.1;proto=wss", "http"),
        (b"for=198.51.100.1;xproto=https", "http"),
        (b"for=_hidden;proto=https", "http"),
    ],
)
def test_believes_the_scheme_that_the_clients_own_hop_is_told_with(forwarded: bytes, scheme: str) -> None:
    scope = http_scope("GET", "/", [(b"forwarded", forwarded)], client=("10.0.0.1", 1))

    assert PROXIES.origin(scope).scheme == scheme
    assert PROXIES.origin({**scope, "client": ("203.0.113.7", 1)}).scheme == "http"


def test_says_nothing_of_a_host_that_was_not_named() -> None:
    origin = PROXIES.origin(http_scope("GET", "/", [], http_version="1.0"))

    assert dict(added(origin, [], "", "g")) == {
        b"forwarded": b"for=203.0.113.7;by=_g;proto=http",
        b"x-forwarded-for": b"203.0.113.7",
        b"x-forwarded-proto": b"http",
        b"via": b"1.0 g",
    }


def test_makes_fresh_headers_for_an_untrusted_peer() -> None:
    headers = [(b"x-forwarded-for", b"6.6.6.6"), (b"forwarded", b"for=6.6.6.6"), (b"via", b"1.1 edge")]
    origin = PROXIES.origin(http_scope("GET", "/", headers))

    assert dict(added(origin, headers, "api.test", "gateway-1")) == {
        b"forwarded": b'for=203.0.113.7;by=_gateway-1;host="api.test";proto=http',
        b"x-forwarded-for": b"203.0.113.7",
        b"x-forwarded-proto": b"http",
        b"x-forwarded-host": b"api.test",
        b"via": b"1.1 edge, 1.1 gateway-1",
    }


def test_appends_to_what_a_trusted_proxy_says() -> None:
    headers = [(b"x-forwarded-for", b"198.51.100.1"), (b"forwarded", b"for=198.51.100.1")]
    origin = PROXIES.origin(http_scope("GET", "/", headers, client=("fd00::1", 1)))

    made = dict(added(origin, headers, "api.test", "gateway-1"))

    assert made[b"x-forwarded-for"] == b"198.51.100.1, fd00::1"
    assert made[b"forwarded"].startswith(b'for=198.51.100.1, for="[fd00::1]";')


def test_a_peer_without_an_address_is_unknown() -> None:
    origin = PROXIES.origin(http_scope("GET", "/", [], client=None))

    assert origin.client_ip == ""
    assert dict(added(origin, [], "api.test", "g"))[b"forwarded"].startswith(b"for=unknown")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 10.0.0.1 ", "10.0.0.1"),
        ("[::1]:80", "::1"),
        ("::1", "::1"),
        ("10.0.0.1:80", "10.0.0.1"),
        ("x", "None"),
        ("1" * 101, "None"),
    ],
)
def test_reads_addresses_in_all_their_clothes(text: str, expected: str) -> None:
    assert str(parse_address(text)) == expected


def test_names_what_is_no_network() -> None:
    with pytest.raises(ValueError, match="example"):
        TrustedProxies(["example.org"])
