from gateway_svc.routing import head
from gateway_svc.routing.forwarding import TrustedProxies
from gateway_svc.routing.head import Heads
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.asgi import Scope
from tests.gateway_svc.conftest import Headers, http_scope


def scope_of(*headers: tuple[bytes, bytes], peer: str = "203.0.113.7") -> Scope:
    return http_scope("GET", "/v1/lists", list(headers), client=(peer, 5))


def heads(*proxies: str) -> Heads:
    return Heads(TrustedProxies(proxies), "gateway-1")


def test_the_same_headers_of_the_same_peer_are_read_once() -> None:
    seen = heads()

    assert seen.of(scope_of((b"accept", b"*/*"))) is seen.of(scope_of((b"accept", b"*/*")))
    assert seen.of(scope_of((b"accept", b"*/*"))) is not seen.of(scope_of((b"accept", b"text/plain")))


def test_what_a_proxy_may_say_is_not_remembered_for_others() -> None:
    seen = heads("10.0.0.0/8")
    told: Headers = [(b"x-forwarded-for", b"198.51.100.1")]

    assert seen.of(scope_of(*told, peer="10.0.0.1")).origin.client_ip == "198.51.100.1"
    assert seen.of(scope_of(*told, peer="203.0.113.7")).origin.client_ip == "203.0.113.7"


def test_the_scheme_and_the_version_tell_heads_apart() -> None:
    seen = heads()
    one = scope_of()

    assert seen.of(one).origin.scheme == "http"
    assert seen.of(one | {"scheme": "https"}).origin.scheme == "https"
    assert seen.of(one | {"http_version": "1.0"}).origin.version == "1.0"


def test_a_head_that_will_not_come_again_is_not_kept() -> None:
    seen = heads()
    once = scope_of((b"idempotency-key", b"k-1"))
    large = scope_of((b"x-large", b"x" * head.MAX_BYTES))

    assert seen.of(once) is not seen.of(once)
    assert seen.of(large) is not seen.of(large)


def test_memory_is_bounded() -> None:
    seen = heads()
    for number in range(2 * head.MEMORY + 1):
        seen.of(scope_of((b"x-number", b"%d" % number)))

    assert len(seen._known) <= head.MEMORY


def test_the_envelope_has_what_the_headers_decide() -> None:
    request = pb.Request.FromString(heads().of(scope_of((b"accept", b"*/*"), (b"x-user", b"7"))).envelope)
    names = [header.name for header in request.headers]

    assert (request.authority, request.scheme, request.client_ip) == ("api.test", "http", "203.0.113.7")
    assert names == ["accept", "forwarded", "x-forwarded-for", "x-forwarded-proto", "via", "x-forwarded-host"]


def test_another_scheme_than_bearer_is_an_error_and_no_token() -> None:
    read = heads().of(scope_of((b"authorization", b"Basic dTpw")))

    assert read.token is None
    assert "Bearer" in read.token_error


def test_a_head_is_large_by_what_was_sent_also_where_little_of_it_passes() -> None:
    seen = heads()
    large = scope_of((b"x-mt-shard", b"x" * head.MAX_BYTES))

    assert seen.of(large) is not seen.of(large)
