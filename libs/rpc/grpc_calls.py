"""Two ways to answer a call of `libs.rpc.grpc_server`: with one message from a future, and from a thread of its own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue

import grpc
import structlog

from libs.rpc.grpc_server import GrpcError, ServerCall

log = structlog.get_logger(__name__)


class Single:
    """One message, one answer. A listener."""

    def __init__(self, call: ServerCall, begin: Callable[[bytes], "Future[bytes]"]) -> None:
        """Answer `call` with what `begin` makes of its message; GrpcError is its status, other exceptions INTERNAL."""
        self._call = call
        self._begin = begin
        self._message: bytes | None = None
        self._future: Future[bytes] | None = None

    def on_message(self, message: bytes) -> None:
        """Keep it."""
        if self._message is not None:
            raise GrpcError(grpc.StatusCode.INTERNAL, "a second message")
        self._message = message

    def on_half_close(self) -> None:
        """Begin."""
        if self._message is None:
            raise GrpcError(grpc.StatusCode.INTERNAL, "no message")
        self._future = self._begin(self._message)
        self._future.add_done_callback(lambda done: self._call.soon(self._end, done))

    def on_gone(self) -> None:
        """Free the place in the queue."""
        if self._future is not None:
            self._future.cancel()

    def on_writable(self) -> None:
        """Go on; nothing waits here."""

    def _end(self, done: "Future[bytes]") -> None:
        if done.cancelled():
            self._call.finish(grpc.StatusCode.CANCELLED, "the instance is stopping")
            return
        error = done.exception()
        if error is None:
            self._call.write(done.result())
            self._call.finish()
        elif isinstance(error, GrpcError):
            self._call.finish(error.code, error.detail)
        else:
            log.error("the application raised", path=self._call.path, exc_info=error)
            self._call.finish(grpc.StatusCode.INTERNAL, "the application gave no answer")


class Threaded:
    """A call as a thread sees it: messages to iterate, and a `send` that waits while the caller is slow. A listener.

    Iteration and `send` raise ConnectionResetError where the caller has gone.
    """

    def __init__(self, call: ServerCall) -> None:
        """Listen to `call`."""
        self._call = call
        call.holds_back = True
        self._incoming: SimpleQueue[bytes | None] = SimpleQueue()
        self._writable = threading.Event()
        self._writable.set()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] | None = []  # None: the caller has gone

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Have `callback` called when the caller goes; False where it has."""
        with self._lock:
            if self._callbacks is None:
                return False
            self._callbacks.append(callback)
            return True

    def __iter__(self) -> Iterator[bytes]:
        """Give each message as it comes."""
        while True:
            message = self._incoming.get()
            self._check()
            if message is None:
                return
            self._call.soon(self._call.consumed, message)
            yield message

    def send(self, message: bytes) -> None:
        """Send a message, behind the one before it."""
        self._writable.wait()
        with self._lock:  # who has gone stays writable, so that nobody waits for them
            self._check()
            self._writable.clear()
        self._call.soon(self._write, message)

    def finish(self, code: grpc.StatusCode = grpc.StatusCode.OK, detail: str = "") -> None:
        """End the call."""
        self._call.soon(self._call.finish, code, detail)

    def on_message(self, message: bytes) -> None:
        """Hand it to the thread."""
        self._incoming.put(message)

    def on_half_close(self) -> None:
        """Hand the end to the thread."""
        self._incoming.put(None)

    def on_gone(self) -> None:
        """Wake the thread."""
        with self._lock:
            callbacks, self._callbacks = self._callbacks or [], None
        for callback in callbacks:
            callback()
        self._incoming.put(None)
        self._writable.set()

    def on_writable(self) -> None:
        """Let the thread go on."""
        self._writable.set()

    def _write(self, message: bytes) -> None:
        self._call.write(message)
        if self._call.is_writable or self._call.is_over:
            self._writable.set()

    def _check(self) -> None:
        if self._callbacks is None:
            raise ConnectionResetError("the caller left")
