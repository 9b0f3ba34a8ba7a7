import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio
import pytest

from libs.identity.service_tokens import ServiceSigner
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc import multiplexer as module
from libs.rpc.multiplexer import Multiplexer
from libs.rpc.server import BRIDGE_NAME
from libs.rpc.status import NoAnswer
from libs.testing.ports import free_port
from tests.libs.rpc.apps import Held, echo

Serve = Callable[..., Any]


def request(path: str = "/v1/lists", body: bytes = b"", **fields: Any) -> bytes:
    return pb.Request(method="POST", raw_path=path.encode(), authority="todo", body=body, **fields).SerializeToString()


async def failure(waiting: Any) -> NoAnswer:
    with pytest.raises(NoAnswer) as raised:
        await waiting
    return raised.value


async def entered(app: Held) -> None:
    assert await asyncio.to_thread(app.entered.wait, 5)


async def queued(bridge: Any, count: int) -> None:
    def wait() -> None:
        while bridge.server.queued < count:
            time.sleep(0.005)

    await asyncio.wait_for(asyncio.to_thread(wait), 5)


async def test_gives_the_same_answer_as_a_single_call(
    serve: Serve, client_of: Callable[[str], Any], multiplexer: Multiplexer
) -> None:
    bridge, sent = serve(echo), request(body=b"\x00\xff")
    single = pb.Request.FromString(sent)

    answer = await multiplexer.ask(bridge.target, "todo", sent, 5)

    assert answer == client_of("gateway").handle(bridge.target, "todo", single, 5)


async def test_many_at_once_each_get_their_own_answer_on_one_stream(serve: Serve, multiplexer: Multiplexer) -> None:
    bridge = serve(echo)
    bodies = [b"%d" % number + b"x" * (number * 97 % 5000) for number in range(150)]

    answers = await asyncio.gather(*(multiplexer.ask(bridge.target, "todo", request(body=body), 10) for body in bodies))

    assert [answer.body for answer in answers if isinstance(answer, pb.Response)] == bodies
    assert multiplexer._targets[bridge.target, "todo"]._waiting == {}


async def test_one_answer_does_not_wait_for_another(serve: Serve, multiplexer: Multiplexer) -> None:
    held = Held()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return (held if environ["PATH_INFO"] == "/slow" else echo)(environ, start_response)

    bridge = serve(app)
    slow = asyncio.ensure_future(multiplexer.ask(bridge.target, "todo", request("/slow"), 10))
    await entered(held)

    quick = await multiplexer.ask(bridge.target, "todo", request("/quick"), 10)

    assert isinstance(quick, pb.Response)
    assert not slow.done()
    held.release.set()
    await slow


async def test_a_refused_connection_fails_at_once_and_nothing_was_begun(multiplexer: Multiplexer) -> None:
    target, began = f"127.0.0.1:{free_port()}", time.monotonic()

    for _ in range(3):
        error = await failure(multiplexer.ask(target, "todo", request(), 5))
        assert (error.code, error.refused) == (grpc.StatusCode.UNAVAILABLE, True)

    assert time.monotonic() - began < 2


async def test_a_target_that_never_answers_counts_as_not_begun(multiplexer: Multiplexer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        error = await failure(multiplexer.ask(f"127.0.0.1:{port}", "todo", request(), 5))

    assert (error.code, error.refused) == (grpc.StatusCode.UNAVAILABLE, True)


async def test_what_was_under_way_when_the_stream_broke_may_have_been_begun(
    serve: Serve, multiplexer: Multiplexer
) -> None:
    app = Held()
    bridge = serve(app)
    waiting = asyncio.ensure_future(multiplexer.ask(bridge.target, "todo", request(), 10))
    await entered(app)

    bridge.server._server.stop(0)
    error = await failure(waiting)
    app.release.set()

    assert (error.code, error.refused) == (grpc.StatusCode.UNAVAILABLE, False)


async def test_an_instance_that_comes_back_on_its_port_is_reached_again(serve: Serve, multiplexer: Multiplexer) -> None:
    first = serve(echo)
    await multiplexer.ask(first.target, "todo", request(), 5)
    first.server.stop(0)
    await failure(multiplexer.ask(first.target, "todo", request(), 5))

    serve(echo, port=first.port)
    until = time.monotonic() + 5
    while True:
        try:
            answer = await multiplexer.ask(first.target, "todo", request(), 5)
            break
        except NoAnswer as error:
            assert error.refused  # noqa: PT017  (the pauses between attempts)
            assert time.monotonic() < until
            await asyncio.sleep(0.05)

    assert isinstance(answer, pb.Response)


async def test_two_requests_of_one_number_do_not_hold_up_others(
    serve: Serve, signer_of: Callable[[str], ServiceSigner]
) -> None:
    """A gateway counts them; a caller that does not gets what it asked for."""
    bridge = serve(echo)
    sent = [pb.Frame(id=7, deadline_ms=5000, request=pb.Request.FromString(request(body=b"%d" % n))) for n in range(2)]
    last = pb.Frame(id=8, deadline_ms=5000, request=pb.Request.FromString(request(body=b"8")))
    metadata = (("authorization", f"Bearer {signer_of('gateway').token('todo')}"),)
    async with grpc.aio.insecure_channel(bridge.target) as channel:
        method: Any = channel.stream_stream(module.EXCHANGE, pb.Frames.SerializeToString, pb.Frames.FromString)
        call = method(iter([pb.Frames(frames=[*sent, last])]), metadata=metadata, timeout=5)
        answers = [frame async for message in call for frame in message.frames]

    assert {answer.id for answer in answers} == {7, 8}
    assert bridge.server.in_flight == 0


async def test_gives_up_at_the_deadline_and_goes_on(serve: Serve, multiplexer: Multiplexer) -> None:
    app = Held()
    bridge, began = serve(app), time.monotonic()

    error = await failure(multiplexer.ask(bridge.target, "todo", request(), 0.2))

    assert error.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert 0.15 < time.monotonic() - began < 2
    app.release.set()
    assert isinstance(await multiplexer.ask(bridge.target, "todo", request(), 5), pb.Response)


@pytest.mark.parametrize("how", ["deadline", "cancel"])
async def test_what_nobody_waits_for_is_not_begun(serve: Serve, multiplexer: Multiplexer, how: str) -> None:
    app = Held()
    bridge = serve(app, threads=1)
    first = asyncio.ensure_future(multiplexer.ask(bridge.target, "todo", request("/first"), 10))
    await entered(app)
    second = asyncio.ensure_future(
        multiplexer.ask(bridge.target, "todo", request("/second"), 0.1 if how == "deadline" else 10)
    )
    await queued(bridge, 1)
    if how == "cancel":
        second.cancel()
    await asyncio.wait({second})
    third = asyncio.ensure_future(multiplexer.ask(bridge.target, "todo", request("/third"), 10))
    await queued(bridge, 2)

    app.release.set()
    await asyncio.gather(first, third)

    assert app.paths == ["/first", "/third"]


async def test_what_waits_when_the_gateway_dies_is_not_begun(
    serve: Serve, multiplexer: Multiplexer, signer_of: Callable[[str], ServiceSigner]
) -> None:
    app = Held()
    bridge = serve(app, threads=1)
    dying = Multiplexer(signer_of("gateway"))
    lost = [asyncio.ensure_future(dying.ask(bridge.target, "todo", request("/first"), 10))]
    await entered(app)
    lost.append(asyncio.ensure_future(dying.ask(bridge.target, "todo", request("/second"), 10)))
    await queued(bridge, 1)
    await dying.close()
    await asyncio.wait(lost)
    third = asyncio.ensure_future(multiplexer.ask(bridge.target, "todo", request("/third"), 10))
    await queued(bridge, 2)

    app.release.set()
    await third

    assert app.paths == ["/first", "/third"]


async def test_less_than_ten_milliseconds_are_too_few_to_begin(serve: Serve, multiplexer: Multiplexer) -> None:
    app = Held()
    app.release.set()
    bridge = serve(app)
    await multiplexer.ask(bridge.target, "todo", request("/first"), 5)

    error = await failure(multiplexer.ask(bridge.target, "todo", request("/late"), 0.008))

    assert error.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert app.paths == ["/first"]


async def test_a_draining_instance_finishes_what_it_has_and_refuses_the_rest(
    serve: Serve, multiplexer: Multiplexer
) -> None:
    app = Held()
    bridge = serve(app)
    waiting = asyncio.ensure_future(multiplexer.ask(bridge.target, "todo", request(), 10))
    await entered(app)

    bridge.server.drain()
    error = await failure(multiplexer.ask(bridge.target, "todo", request(), 5))
    stop = asyncio.create_task(asyncio.to_thread(bridge.server.stop, 10))
    app.release.set()

    assert (error.code, error.refused) == (grpc.StatusCode.UNAVAILABLE, True)
    assert isinstance(await waiting, pb.Response)
    await asyncio.wait_for(stop, 5)
    assert not bridge.server._bridge._exchanges


async def test_a_full_instance_refuses_at_once(serve: Serve, multiplexer: Multiplexer) -> None:
    app = Held()
    bridge = serve(app, threads=1, max_queued=1)
    first = asyncio.ensure_future(multiplexer.ask(bridge.target, "todo", request(), 10))
    await entered(app)
    second = asyncio.ensure_future(multiplexer.ask(bridge.target, "todo", request(), 10))
    await queued(bridge, 1)

    error = await failure(multiplexer.ask(bridge.target, "todo", request(), 10))
    app.release.set()
    await asyncio.gather(first, second)

    assert (error.code, error.refused) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)


async def test_an_application_that_raises_is_no_answer_to_one_request_only(
    serve: Serve, multiplexer: Multiplexer
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/broken":
            raise ValueError("secret")
        return echo(environ, start_response)

    bridge = serve(app)
    broken, well = await asyncio.gather(
        failure(multiplexer.ask(bridge.target, "todo", request("/broken"), 5)),
        multiplexer.ask(bridge.target, "todo", request("/well"), 5),
    )

    assert (broken.code, broken.refused) == (grpc.StatusCode.INTERNAL, False)
    assert "secret" not in str(broken)
    assert isinstance(well, pb.Response)


async def test_only_who_proves_to_be_a_service_opens_a_stream(
    serve: Serve, signer_of: Callable[[str], ServiceSigner]
) -> None:
    stranger = Multiplexer(ServiceSigner("gateway", signer_of("events")._key))

    error = await failure(stranger.ask(serve(echo).target, "todo", request(), 5))

    assert error.code is grpc.StatusCode.UNAUTHENTICATED
    await stranger.close()


async def test_keeps_a_bounded_number_of_streams(
    serve: Serve, multiplexer: Multiplexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TARGETS", 2)
    bridges = [serve(echo) for _ in range(3)]

    for bridge in (*bridges, *bridges):
        assert isinstance(await multiplexer.ask(bridge.target, "todo", request(), 5), pb.Response)

    assert len(multiplexer._targets) == 2


async def test_an_instance_without_exchange_is_asked_by_single_calls(multiplexer: Multiplexer) -> None:
    """A server in another language may serve Handle only."""
    asked: list[pb.Request] = []

    def handle(sent: pb.Request, context: grpc.ServicerContext) -> pb.Response:
        asked.append(sent)
        return pb.Response(status=200, body=sent.body)

    handler = grpc.unary_unary_rpc_method_handler(handle, pb.Request.FromString, pb.Response.SerializeToString)
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(BRIDGE_NAME, {"Handle": handler}),))
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        answers = [await multiplexer.ask(target, "todo", request(body=b"1"), 5) for _ in range(3)]
    finally:
        server.stop(0)

    assert [answer.body for answer in answers if isinstance(answer, pb.Response)] == [b"1"] * 3
    assert len(asked) == 3
