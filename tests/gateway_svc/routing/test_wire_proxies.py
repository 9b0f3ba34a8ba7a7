"""A gateway behind proxies that it trusts, for the pages of one origin."""

from collections.abc import Iterator

import pytest

from tests.gateway_svc.wire import Wire, listening


@pytest.fixture(scope="module")
def running() -> Iterator[Wire]:
    with listening(TRUSTED_PROXIES=["127.0.0.1", "10.0.0.0/8"], CORS_ORIGINS=["https://app.test"]) as wire:
        yield wire


@pytest.fixture
def wire(running: Wire) -> Wire:
    return running.fresh()


TRUSTED = {
    "no word": ([], "127.0.0.1", "http"),
    "one client": (["X-Forwarded-For: 198.51.100.1"], "198.51.100.1", "http"),
    "client with port": (["X-Forwarded-For: 198.51.100.1:4711"], "198.51.100.1", "http"),
    "client that lies": (["X-Forwarded-For: 6.6.6.6, 198.51.100.1"], "198.51.100.1", "http"),
    "client that lies apart": (["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 198.51.100.1"], "198.51.100.1", "http"),
    "client that poses as a proxy": (["X-Forwarded-For: 10.0.0.1, 198.51.100.1"], "198.51.100.1", "http"),
    "two proxies": (["X-Forwarded-For: 6.6.6.6, 198.51.100.1, 10.0.0.9"], "198.51.100.1", "http"),
    "proxies only": (["X-Forwarded-For: 10.0.0.8, 10.0.0.9"], "10.0.0.8", "http"),
    "nonsense": (["X-Forwarded-For: 6.6.6.6, unknown"], "127.0.0.1", "http"),
    "nonsense before a proxy": (["X-Forwarded-For: 6.6.6.6, unknown, 10.0.0.9"], "10.0.0.9", "http"),
    "64 KiB of nonsense": (["X-Forwarded-For: " + "6" * 60_000], "127.0.0.1", "http"),
    "empty": (["X-Forwarded-For:"], "127.0.0.1", "http"),
    "empty at the end": (["X-Forwarded-For: 6.6.6.6,"], "127.0.0.1", "http"),
    "IPv6": (["X-Forwarded-For: 2001:db8::1"], "2001:db8::1", "http"),
    "IPv6 in brackets": (["X-Forwarded-For: [2001:DB8::1]:4711"], "2001:db8::1", "http"),
    "IPv4 in IPv6": (["X-Forwarded-For: 198.51.100.1, ::ffff:10.0.0.9"], "198.51.100.1", "http"),
    "scheme": (["X-Forwarded-Proto: https"], "127.0.0.1", "https"),
    "schemes": (["X-Forwarded-Proto: http, HTTPS"], "127.0.0.1", "https"),
    "scheme that is none": (["X-Forwarded-Proto: gopher"], "127.0.0.1", "http"),
    "Forwarded": (['Forwarded: for=6.6.6.6, for="[2001:db8::1]:4711";proto=https'], "2001:db8::1", "https"),
    "Forwarded in two lines": (["Forwarded: for=198.51.100.1", "Forwarded: For=10.0.0.4"], "198.51.100.1", "http"),
    "Forwarded, the client's scheme": (
        ["Forwarded: for=198.51.100.1; Proto=HTTPS;by=_x, for=10.0.0.4;proto=http"], "198.51.100.1", "https",
    ),
    "Forwarded, scheme that is none": (["Forwarded: for=198.51.100.1;proto=httpsx"], "198.51.100.1", "http"),
    "Forwarded, hidden": (["Forwarded: for=_hidden"], "127.0.0.1", "http"),
    "Forwarded, open quote": (['Forwarded: for="6.6.6.6', "Forwarded: for=198.51.100.1"], "198.51.100.1", "http"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "client_ip", "scheme"), TRUSTED.values(), ids=TRUSTED)
def test_a_trusted_proxy_is_believed_from_the_right(wire: Wire, lines: list[str], client_ip: str, scheme: str) -> None:
    wire.get(*lines, "X-Real-IP: 6.6.6.6", "X-Forwarded-Host: evil.test", "X-Forwarded-Port: 6", "X-MT-User: 6")

    seen = wire.service.last
    assert (seen.client_ip, seen.environ["wsgi.url_scheme"]) == (client_ip, scheme)
    assert seen.headers["x-forwarded-for"] == with_ours(lines, "X-Forwarded-For", "127.0.0.1")
    ours = f'for=127.0.0.1;by=_gateway-1;host="api.test";proto={scheme}'
    assert seen.headers["forwarded"] == with_ours(lines, "Forwarded", ours)
    assert (seen.headers["x-forwarded-host"], seen.headers["x-forwarded-proto"]) == ("api.test", scheme)
    assert not {"x-real-ip", "x-forwarded-port", "x-mt-user"} & seen.headers.keys()


def with_ours(lines: list[str], name: str, ours: str) -> str:
    """What the proxies wrote, and what this gateway appends."""
    return ", ".join([*(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")), ours])


PREFLIGHT = ["Origin: https://app.test", "Access-Control-Request-Method: PATCH"]


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        (PREFLIGHT, True),
        ([PREFLIGHT[0].replace("app", "evil"), PREFLIGHT[1]], False),
        ([PREFLIGHT[0].replace("https", "http"), PREFLIGHT[1]], False),
        ([PREFLIGHT[0] + ".evil.test", PREFLIGHT[1]], False),
        (["Origin: null", PREFLIGHT[1]], False),
    ],
)
def test_a_named_origin_is_allowed_with_credentials_and_no_other(wire: Wire, lines: list[str], allowed: bool) -> None:
    for answer in (wire.get(*lines, method="OPTIONS"), wire.get(lines[0])):
        assert ("access-control-allow-origin" in answer) is allowed
        assert ("access-control-allow-credentials" in answer) is allowed
        assert answer["vary"] == "Origin"
        if allowed:
            assert answer["access-control-allow-origin"] == "https://app.test"


def test_pages_may_read_errors_and_what_else_the_answer_varies_by_stays(wire: Wire) -> None:
    wire.service.answers.append(("404 Not Found", [("Vary", "Accept"), ("Access-Control-Allow-Origin", "*")], b""))
    answer = wire.get(PREFLIGHT[0])

    assert answer.all("vary") == ["Accept", "Origin"]
    assert answer.all("access-control-allow-origin") == ["https://app.test"]
