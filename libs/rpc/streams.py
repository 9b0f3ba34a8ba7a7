"""Streaming routes of a service: answers made by the event loop, such as server-sent events.

Nothing that waits may hold a handler thread. A service names such routes in its `rpc.py`:

    async def changes(request: pb.Request, call: Call) -> tuple[pb.Response, AsyncIterator[bytes]]: ...

    STREAMS = {"/v1/changes": changes}

The function checks the request first, and raises a ServiceError to refuse it. The body it gives may have no end; its
iterator is closed when the client leaves or the process stops.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any, TypeAlias

from libs.contracts.errors import ServiceError, Unavailable
from libs.identity.principal import Call
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.dispatcher import Streamed
from libs.rpc.problem import problem_response

Stream: TypeAlias = Callable[[pb.Request, Call], Awaitable[tuple[pb.Response, AsyncIterator[bytes]]]]


class LoopStream:
    """One answer of a streaming route: made on the loop, read chunk by chunk from a thread. Parkable."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stream: Stream, request: pb.Request, call: Call) -> None:
        """Prepare to ask `stream`; nothing runs before `open`."""
        self._loop = loop
        self._path = request.raw_path.decode("latin-1")
        self._request_id = call.request_id
        self._make: Callable[[], Awaitable[Any]] = lambda: stream(request, call)
        self._lock = threading.Lock()
        self._waiting: Any = None
        self._closed = False

    def open(self) -> pb.Response | Streamed:
        """Ask the route on the loop; a ServiceError becomes a problem document, other exceptions pass."""
        try:
            head, body = self._wait(self._make)
        except CancelledError:
            return self._problem(Unavailable("the instance is stopping", retry_after=1))
        except ServiceError as error:
            return self._problem(error)
        return Streamed(head, self._chunks(body))

    def close(self) -> None:
        """End it, from any thread: who waits for the next chunk sees the end."""
        with self._lock:
            self._closed = True
            if self._waiting is not None:
                self._waiting.cancel()

    def _problem(self, error: ServiceError) -> pb.Response:
        return problem_response(error, request_id=self._request_id, instance=self._path)

    def _chunks(self, body: AsyncIterator[bytes]) -> Iterator[bytes]:
        end = object()
        try:
            while (chunk := self._wait(lambda: _next(body, end))) is not end:
                yield chunk
        except CancelledError:
            return
        finally:
            close = getattr(body, "aclose", None)
            if close is not None and not self._loop.is_closed():
                asyncio.run_coroutine_threadsafe(close(), self._loop)

    def _wait(self, make: Callable[[], Awaitable[Any]]) -> Any:
        with self._lock:
            if self._closed:
                raise CancelledError
            self._waiting = waiting = asyncio.run_coroutine_threadsafe(_await(make), self._loop)
        return waiting.result()


async def _await(make: Callable[[], Awaitable[Any]]) -> Any:
    return await make()


async def _next(body: AsyncIterator[bytes], end: object) -> Any:
    return await anext(body, end)
