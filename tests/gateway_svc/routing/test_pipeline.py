import asyncio
import threading
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gateway_svc.routing.application import Gateway
from libs.identity.principal import Caller, Principal
from tests.gateway_svc.conftest import Ask, Headers, http_scope
from tests.gateway_svc.services import Auth, Echo, StaticDirectory, World, answering

PROBLEM = "application/problem+json"


async def until_status(ask: Ask, headers: Headers, status: int, seconds: float) -> None:
    """Ask again and again until the answer has `status`; TimeoutError where it never does."""
    async with asyncio.timeout(seconds):
        while (await ask("GET", "/v1/lists", headers)).status != status:  # noqa: ASYNC110  (nobody tells when it polled)
            await asyncio.sleep(0)


async def test_takes_a_request_to_the_service_and_its_answer_back(ask: Ask, todo: Echo) -> None:
    reply = await ask("POST", "/v1/lists/a%20b?q=1&q=%2F", [(b"content-type", b"application/json")], b'{"a": 1}')

    assert (reply.status, reply.body) == (200, b"POST /v1/lists/a b")
    assert todo.last["body"] == b'{"a": 1}'
    assert todo.last["QUERY_STRING"] == "q=1&q=%2F"
    assert todo.last["CONTENT_TYPE"] == "application/json"
    assert todo.last["HTTP_HOST"] == "api.test"
    assert todo.last["HTTP_VIA"] == "1.1 gateway-1"


async def test_the_answer_passes_byte_exact(ask: Ask, world: World) -> None:
    headers = [
        ("ETag", '"7"'), ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2"), ("Location", "/v1/lists/7"),
        ("Content-Type", "application/json"), ("Vary", "Accept"), ("X-MT-Shard", "secret"),
    ]  # fmt: skip
    world.run("todo", answering("201 Created", headers, b'{"\xc3\xa4": [1,  2]}'), routes=("/v1/lists",))

    reply = await ask("POST", "/v1/lists")

    assert (reply.status, reply.body) == (201, b'{"\xc3\xa4": [1,  2]}')
    assert [value for name, value in reply.headers if name == b"set-cookie"] == [b"a=1; Path=/", b"b=2"]
    assert (reply["etag"], reply["location"], reply["vary"]) == ('"7"', "/v1/lists/7", "Accept")
    assert "x-mt-shard" not in reply


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "418 x", "500 x", "503 x"])
async def test_errors_of_services_pass_unchanged(ask: Ask, world: World, status: str) -> None:
    world.run("todo", answering(status, [("Content-Type", "text/plain")], b"mine"), routes=("/v1/lists",))

    reply = await ask("GET", "/v1/lists")

    assert (reply.status, reply.body) == (int(status[:3]), b"mine")


async def test_every_answer_has_a_request_id_and_nosniff(ask: Ask, todo: Echo) -> None:
    for path in ("/v1/lists", "/nowhere", "/v1/../x", "/docs"):
        reply = await ask("GET", path)
        assert len(reply["x-request-id"]) == 36
        assert reply["x-content-type-options"] == "nosniff"
        if reply["content-type"] == PROBLEM:
            assert reply.json()["request_id"] == reply["x-request-id"]


async def test_services_see_the_same_request_id_and_never_the_clients(ask: Ask, todo: Echo) -> None:
    reply = await ask("GET", "/v1/lists", [(b"x-request-id", b"mine")])

    assert todo.calls[0].request_id == reply["x-request-id"] != "mine"
    assert todo.last["HTTP_X_REQUEST_ID"] == reply["x-request-id"]


async def test_a_service_learns_the_user_the_route_and_the_client(ask: Ask, todo: Echo, auth: Auth) -> None:
    await ask("GET", "/v1/lists/7", [(b"authorization", f"Bearer {auth.token()}".encode())])

    call = todo.calls[0]
    assert call.caller == Caller("service", "gateway")
    assert call.principal == Principal("user-1", "session-1", frozenset({"lists:read", "lists:write"}), "token-1")
    assert (call.route, call.client_ip) == ("/v1/lists", "203.0.113.7")
    assert "HTTP_AUTHORIZATION" not in todo.last


async def test_without_a_token_the_service_decides(ask: Ask, todo: Echo) -> None:
    assert (await ask("GET", "/v1/lists")).status == 200
    assert todo.calls[0].principal is None


@pytest.mark.parametrize("header", [b"Bearer nonsense", b"Basic abc", b"Bearer", b""])
async def test_with_a_bad_token_the_service_decides_and_learns_what_is_wrong(
    ask: Ask, todo: Echo, auth: Auth, header: bytes
) -> None:
    reply = await ask("GET", "/v1/lists", [(b"authorization", header)])

    assert reply.status == 401
    assert (todo.calls[0].principal, bool(todo.calls[0].token_error)) == (None, True)


@pytest.mark.parametrize("path", ["/docs", "/v1/openapi.json"])
async def test_the_gateways_own_pages_ask_for_no_token_and_heed_none(ask: Ask, path: str) -> None:
    assert (await ask("GET", path, [(b"authorization", b"Bearer nonsense")])).status == 200


async def test_a_token_stops_working_within_a_second_of_its_logout(ask: Ask, todo: Echo, auth: Auth) -> None:
    token = [(b"authorization", f"Bearer {auth.token()}".encode())]
    assert (await ask("GET", "/v1/lists", token)).status == 200
    auth.ended.append("session-1")

    await until_status(ask, token, 401, seconds=1)


async def test_a_session_that_ended_before_the_start_is_refused_from_the_start(world: World) -> None:
    auth = Auth(ended=["session-1"])
    world.run("auth", auth)
    world.run("todo", Echo(), routes=("/v1/lists",))
    gateway = Gateway()
    await gateway.start()
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    token = [(b"authorization", f"Bearer {auth.token()}".encode())]
    await gateway.pipeline(http_scope("GET", "/v1/lists", token), receive, send)
    await gateway.stop()

    assert sent[0]["status"] == 401


async def test_a_rotated_key_is_known_soon(ask: Ask, todo: Echo, auth: Auth) -> None:
    old = [(b"authorization", f"Bearer {auth.token()}".encode())]
    assert (await ask("GET", "/v1/lists", old)).status == 200
    auth.rotate()
    new = [(b"authorization", f"Bearer {auth.token()}".encode())]

    await until_status(ask, new, 200, seconds=2)


@pytest.mark.parametrize("path", ["/", "/v2/lists", "/v1/listsx", "/internal/v1/revocations", "/openapi.json"])
async def test_an_unknown_path_is_404(ask: Ask, todo: Echo, auth: Auth, path: str) -> None:
    reply = await ask("GET", path)

    assert (reply.status, reply.json()["code"]) == (404, "no_route")
    assert reply.json()["instance"] == path
    assert todo.calls == []


@pytest.mark.parametrize("path", ["/v1/lists/../x", "/v1/lists%2F7", "/v1/lists/%00", "/v1//lists", "/v1/lists/%2e%2e"])
async def test_an_ambiguous_path_is_400(ask: Ask, todo: Echo, path: str) -> None:
    reply = await ask("GET", path)

    assert (reply.status, reply.json()["code"]) == (400, "bad_path")
    assert todo.calls == []


@pytest.mark.parametrize("hosts", [[], [b"a", b"b"], [b"a b"], [b"a@b"], [b"a/b"], [b"a:port"]])
async def test_a_host_that_is_not_one_is_400(ask: Ask, todo: Echo, hosts: list[bytes]) -> None:
    scope_headers = [(b"host", host) for host in hosts]

    reply = await ask("GET", "/v1/lists", only_headers=scope_headers)

    assert (reply.status, reply.json()["code"]) == (400, "bad_host")
    assert todo.calls == []


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
async def test_other_methods_are_405(ask: Ask, todo: Echo, method: str) -> None:
    reply = await ask(method, "/v1/lists")

    assert (reply.status, reply["content-type"]) == (405, PROBLEM)
    assert "PATCH" in reply["allow"]


async def test_a_body_above_one_mebibyte_is_413(ask: Ask, todo: Echo) -> None:
    limit = 1024 * 1024
    assert (await ask("POST", "/v1/lists", body=b"x" * limit)).status == 200
    by_length = await ask("POST", "/v1/lists", [(b"content-length", str(limit + 1).encode())])
    by_count = await ask("POST", "/v1/lists", body=b"x" * (limit + 1))

    assert [by_length.status, by_count.status] == [413, 413]
    assert by_count.json()["code"] == "payload_too_large"
    assert len(todo.calls) == 1


async def test_a_service_without_instances_is_503_and_not_404(ask: Ask, todo: Echo, directory: StaticDirectory) -> None:
    directory.update("todo", [])

    reply = await ask("GET", "/v1/lists")

    assert (reply.status, reply["content-type"], reply["retry-after"]) == (503, PROBLEM, "1")
    problem = reply.json()
    assert (problem["code"], problem["service"], problem["retryable"]) == ("service_unavailable", "todo", True)


async def test_a_service_that_comes_back_answers_again(ask: Ask, world: World, directory: StaticDirectory) -> None:
    world.kill(world.run("todo", Echo(), routes=("/v1/lists",)))
    assert (await ask("GET", "/v1/lists")).status == 503
    directory.update("todo", [])
    world.run("todo", Echo(), routes=("/v1/lists",))

    assert (await ask("GET", "/v1/lists")).status == 200


async def test_no_answer_in_time_is_504(ask: Ask, world: World) -> None:
    release = threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        release.wait(5)
        start_response("200 OK", [])
        return []

    world.run("todo", slow, routes=("/v1/lists",))
    reply = await ask("GET", "/v1/lists", [(b"x-request-timeout", b"0.1")])
    release.set()

    assert (reply.status, reply.json()["code"], reply.json()["service"]) == (504, "deadline_exceeded", "todo")


async def test_a_service_that_breaks_is_502(ask: Ask, world: World) -> None:
    def broken(environ: Any, start_response: Any) -> list[bytes]:
        raise ValueError("secret")

    world.run("todo", broken, routes=("/v1/lists",))
    reply = await ask("GET", "/v1/lists")

    assert (reply.status, reply.json()["retryable"]) == (502, False)
    assert b"secret" not in reply.body


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_204_and_304_have_neither_body_nor_length(ask: Ask, world: World, status: str) -> None:
    world.run("todo", answering(status, [("ETag", '"7"'), ("Content-Length", "5")], b"12345"), routes=("/v1/lists",))

    reply = await ask("GET", "/v1/lists")

    assert (reply.body, reply["etag"]) == (b"", '"7"')
    assert "content-length" not in reply


async def test_head_has_the_length_of_the_get(ask: Ask, todo: Echo) -> None:
    reply = await ask("HEAD", "/v1/lists")

    assert (reply.status, reply.body, reply["content-length"]) == (200, b"", str(len("HEAD /v1/lists")))


async def test_answers_a_preflight_before_authentication_and_without_a_service(ask: Ask) -> None:
    headers = [
        (b"origin", b"https://app.test"), (b"access-control-request-method", b"PATCH"),
        (b"authorization", b"Bearer nonsense"),
    ]  # fmt: skip

    reply = await ask("OPTIONS", "/v1/lists", headers)

    assert (reply.status, reply.body) == (204, b"")
    assert reply["access-control-allow-origin"] == "*"
    assert "PATCH" in reply["access-control-allow-methods"]


async def test_pages_may_read_errors_too(ask: Ask) -> None:
    reply = await ask("GET", "/nowhere", [(b"origin", b"https://app.test")])

    assert (reply.status, reply["access-control-allow-origin"]) == (404, "*")


async def test_drops_forged_headers_and_counts_ambiguous_ones(ask: Ask, todo: Echo) -> None:
    before = REGISTRY.get_sample_value("mt_gateway_dropped_headers_total") or 0
    forged = [
        (b"x-mt-call", b"1"), (b"x-user-id", b"1"), (b"x_forwarded_for", b"6.6.6.6"), (b"x-real-ip", b"6.6.6.6"),
        (b"connection", b"x-forwarded-for, via, traceparent"),
    ]  # fmt: skip

    await ask("GET", "/v1/lists", forged)

    assert "6.6.6.6" not in str(todo.last)
    assert not {"HTTP_X_MT_CALL", "HTTP_X_USER_ID", "HTTP_X_REAL_IP", "HTTP_CONNECTION"} & todo.last.keys()
    assert todo.last["HTTP_X_FORWARDED_FOR"] == "203.0.113.7"
    assert todo.last["HTTP_VIA"] == "1.1 gateway-1"
    assert todo.last["HTTP_TRACEPARENT"].startswith("00-")
    assert REGISTRY.get_sample_value("mt_gateway_dropped_headers_total") == before + 1


async def test_counts_requests_by_service_and_status(ask: Ask, todo: Echo) -> None:
    labels = {"service": "todo", "route": "/v1/lists", "method": "GET", "status": "200"}
    before = REGISTRY.get_sample_value("mt_gateway_requests_total", labels) or 0

    await ask("GET", "/v1/lists")

    assert REGISTRY.get_sample_value("mt_gateway_requests_total", labels) == before + 1


async def test_refuses_web_sockets(gateway: Gateway) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await gateway.pipeline({"type": "websocket"}, None, send)  # type: ignore[arg-type]

    assert sent == [{"type": "websocket.close"}]


async def test_a_client_that_leaves_while_sending_gets_no_answer(gateway: Gateway, todo: Echo) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    await gateway.pipeline(http_scope("POST", "/v1/lists", [(b"content-length", b"2")]), receive, send)

    assert todo.calls == []
