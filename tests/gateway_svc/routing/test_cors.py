import pytest

from gateway_svc.routing.cors import Cors, is_origin

ORIGIN = (b"origin", b"https://app.test")
PREFLIGHT = [ORIGIN, (b"access-control-request-method", b"PATCH")]


@pytest.mark.parametrize("cors", [Cors([], any_origin=True), Cors(["*"], any_origin=False)])
def test_any_origin_goes_without_credentials(cors: Cors) -> None:
    headers = dict(cors.headers([ORIGIN]))

    assert headers[b"access-control-allow-origin"] == b"*"
    assert b"access-control-allow-credentials" not in headers
    for name in (b"ETag", b"Location", b"Link", b"Retry-After", b"X-Request-ID", b"RateLimit"):
        assert name in headers[b"access-control-expose-headers"]


def test_a_named_origin_is_echoed_and_caches_are_told() -> None:
    headers = dict(Cors(["https://app.test"], any_origin=False).headers([ORIGIN]))

    assert headers[b"access-control-allow-origin"] == b"https://app.test"
    assert headers[b"access-control-allow-credentials"] == b"true"
    assert headers[b"vary"] == b"Origin"


def test_another_origin_gets_no_permission() -> None:
    cors = Cors(["https://other.test"], any_origin=False)

    assert dict(cors.headers([ORIGIN])) == {b"vary": b"Origin"}
    assert cors.preflight_headers(PREFLIGHT) == []


def test_a_request_without_origin_gets_nothing() -> None:
    assert Cors([], any_origin=True).headers([]) == []


def test_a_preflight_learns_methods_and_headers() -> None:
    headers = dict(Cors([], any_origin=True).preflight_headers(PREFLIGHT))

    assert b"PATCH" in headers[b"access-control-allow-methods"]
    assert b"Authorization" in headers[b"access-control-allow-headers"]
    allowed = headers[b"access-control-allow-headers"].split(b", ")
    assert {b"Idempotency-Key", b"X-Request-Timeout"} <= {*allowed}


def test_only_options_with_origin_and_method_is_a_preflight() -> None:
    cors = Cors([], any_origin=True)

    assert cors.is_preflight("OPTIONS", PREFLIGHT)
    assert not cors.is_preflight("GET", PREFLIGHT)
    assert not cors.is_preflight("OPTIONS", [ORIGIN])


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://a.test", True),
        ("http://[::1]:3000", True),
        ("https://a.test/", False),
        ("a.test", False),
        ("*", False),
    ],
)
def test_knows_an_origin(text: str, is_one: bool) -> None:
    assert is_origin(text) is is_one
