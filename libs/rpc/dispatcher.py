"""Runs an envelope through a WSGI application: Django's handler from a small pool of threads.

That costs a fifth of Django's ASGI handler with sync views, and keeps one database connection per thread.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from libs.contracts.errors import Unavailable
from libs.identity.principal import Call
from libs.rpc import environ
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.messages import find
from libs.telemetry import context
from libs.telemetry.trace import parse_traceparent

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
T = TypeVar("T")

BODYLESS = frozenset((204, 304))

#: So many requests may wait for a thread; more are refused at once, for they would be answered too late.
MAX_QUEUED = 200


class Overloaded(Unavailable):
    """Too many requests wait already."""

    code = "overloaded"


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer whose body is still being made: `head` has none, `chunks` are read to their end or closed."""

    head: pb.Response
    chunks: Iterator[bytes]


class Dispatcher:
    """Turns requests of the bridge, or of an HTTP door, into answers of `wsgi_app`."""

    def __init__(self, wsgi_app: WSGIApplication, threads: int = 4, max_queued: int = MAX_QUEUED) -> None:
        """Run `wsgi_app` on at most `threads` threads of its own; refuse what would wait behind `max_queued` others."""
        self._app = wsgi_app
        self._max_queued = max_queued
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="handler")

    def dispatch(self, request: pb.Request, call: Call) -> pb.Response:
        """Answer `request` on this thread; what the application itself does not catch passes."""
        answer = self.begin(request, call)
        assert isinstance(answer, pb.Response)
        return answer

    def begin(
        self, request: pb.Request, call: Call, *, limit: int | None = None, body: io.BufferedIOBase | None = None
    ) -> pb.Response | Streamed:
        """Answer `request` on this thread; of an answer above `limit` bytes the body is still to be read.

        `body` is the request's own where it does not come with the envelope.
        """
        with context.bound(**_fields(request, call)):
            return _run(self._app, environ.build(request, call, body), limit)

    def submit(self, request: pb.Request, call: Call) -> "Future[pb.Response]":
        """Answer `request` on a thread of the pool; Overloaded where too many wait already."""
        return self.run(lambda: self.dispatch(request, call))

    def run(self, job: Callable[[], T]) -> "Future[T]":
        """Run `job` on a thread of the pool; Overloaded where too many wait already."""
        if self.queued >= self._max_queued:
            raise Overloaded(retry_after=1)
        return self._pool.submit(job)

    @property
    def queued(self) -> int:
        """How many requests wait for a thread."""
        return self._pool._work_queue.qsize()  # noqa: SLF001  (the pool does not tell otherwise)

    def close(self) -> None:
        """Let running requests finish and end the threads; queued ones are cancelled."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _fields(request: pb.Request, call: Call) -> dict[str, str]:
    fields = {"request_id": call.request_id, "user_id": call.principal.user_id if call.principal else ""}
    trace = parse_traceparent((find(request.headers, "traceparent") or b"").decode("latin-1"))
    if trace:
        fields |= {"trace_id": trace.trace_id, "span_id": trace.span_id}
    return fields


def _run(app: WSGIApplication, environment: dict[str, Any], limit: int | None) -> pb.Response | Streamed:
    answer = pb.Response()
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        answer.status = int(status.split(" ", 1)[0])
        del answer.headers[:]
        answer.headers.extend(pb.Header(name=name.lower(), value=value.encode("latin-1")) for name, value in headers)
        return written.append

    method = environment["REQUEST_METHOD"]
    chunks = app(environment, start_response)
    size, complete = 0, False
    try:
        rest = iter(chunks)
        for chunk in rest:
            written.append(chunk)
            size += len(chunk)
            if limit is not None and size > limit:
                break
        else:
            complete = True
    except BaseException:
        _close(chunks)
        raise
    if not complete and method != "HEAD" and answer.status not in BODYLESS:
        return Streamed(answer, _remaining(written, rest, chunks))
    _close(chunks)
    _end_body(answer, written, method, complete=complete)
    return answer


def _remaining(written: list[bytes], rest: Iterator[bytes], chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield b"".join(written)
        yield from rest
    finally:
        _close(chunks)


def _close(chunks: Iterable[bytes]) -> None:
    """Fire request_finished, which gives database connections back."""
    close = getattr(chunks, "close", None)
    if close is not None:
        close()


def _end_body(answer: pb.Response, written: list[bytes], method: str, *, complete: bool) -> None:
    if answer.status in BODYLESS:
        return
    body = b"".join(written)
    if method != "HEAD":
        answer.body = body
    elif complete and find(answer.headers, "content-length") is None:
        answer.headers.append(pb.Header(name="content-length", value=str(len(body)).encode()))
