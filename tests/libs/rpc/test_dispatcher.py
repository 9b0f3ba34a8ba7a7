import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished
from django.core.wsgi import get_wsgi_application

from libs.identity.principal import Call, Caller, Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.messages import from_headers
from libs.telemetry import context

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def request(method: str = "GET", path: bytes = b"/", **fields: Any) -> pb.Request:
    return pb.Request(method=method, raw_path=path, authority="todo", **fields)


def answering(status: str, headers: list[tuple[str, str]], *chunks: bytes) -> Dispatcher:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return list(chunks)

    return Dispatcher(app)


def test_gives_status_headers_in_order_and_the_joined_body() -> None:
    headers = [("ETag", '"7"'), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/, x")]

    answer = answering("201 Created", headers, b"one", b"two").dispatch(request(), Call())

    assert answer.status == 201
    assert answer.body == b"onetwo"
    assert from_headers(answer.headers) == [
        (b"etag", b'"7"'),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2; Path=/, x"),
    ]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_204_and_304_have_no_body(status: str) -> None:
    assert answering(status, [("ETag", '"7"')], b"text").dispatch(request(), Call()).body == b""


def test_head_has_no_body_but_its_length() -> None:
    answer = answering("200 OK", [], b"12345").dispatch(request("HEAD"), Call())

    assert answer.body == b""
    assert from_headers(answer.headers) == [(b"content-length", b"5")]


def test_takes_what_the_application_writes_before_it_returns() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])(b"first ")
        return [b"second"]

    assert Dispatcher(app).dispatch(request(), Call()).body == b"first second"


def test_closes_the_response_also_when_it_breaks() -> None:
    class Broken:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            raise OSError("disk")

        def close(self) -> None:
            self.closed = True

    broken = Broken()

    def app(environ: dict[str, Any], start_response: Any) -> Broken:
        start_response("200 OK", [])
        return broken

    with pytest.raises(OSError, match="disk"):
        Dispatcher(app).dispatch(request(), Call())
    assert broken.closed


def test_binds_the_log_context_for_the_time_of_the_request() -> None:
    seen: list[dict[str, str]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(dict(context.current()))
        start_response("200 OK", [])
        return []

    call = Call(Caller.of("gateway"), Principal("user-1"), "request-1")
    headers = [pb.Header(name="traceparent", value=TRACE.encode())]
    Dispatcher(app).dispatch(request(headers=headers), call)

    assert seen[0]["request_id"] == "request-1"
    assert seen[0]["user_id"] == "user-1"
    assert seen[0]["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert "request_id" not in context.current()


def test_django_fires_request_finished_for_each_request(settings: Any) -> None:
    finished: list[Any] = []

    def note(sender: Any, **kwargs: Any) -> None:
        finished.append(sender)

    request_finished.connect(note)
    try:
        answer = Dispatcher(get_wsgi_application()).dispatch(request(path=b"/no-such-page"), Call(request_id="r"))
    finally:
        request_finished.disconnect(note)

    assert answer.status == 404
    assert len(finished) == 1


def test_runs_submitted_requests_on_no_more_threads_than_it_was_given() -> None:
    names: set[str] = set()
    both = threading.Barrier(2, timeout=5)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        both.wait()
        names.add(threading.current_thread().name)
        start_response("200 OK", [])
        return []

    dispatcher = Dispatcher(app, threads=2)
    futures = [dispatcher.submit(request(), Call()) for _ in range(6)]

    assert [future.result(5).status for future in futures] == [200] * 6
    assert len(names) == 2
    dispatcher.close()
