"""An HTTP/1.1 load on connections kept alive, cheap enough to share a core with what answers it.

One thread without an event loop: `select` wakes it within 0.1 ms, where asyncio's timers are a millisecond coarse.
"""

import re
import select
import socket
import time
from collections import deque
from dataclasses import dataclass

from tests.benchmarks.load import Result

HOST = "127.0.0.1"
PATIENCE = 10.0  # seconds without any answer
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask (a port of this machine), what to send, and what a good answer is.

    `length` is that of its body in bytes; negative where answers differ.
    """

    port: int
    request: bytes
    length: int
    status: int = 200


class Connection:
    """A connection with one request at a time on it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.begun = 0.0
        self._open()

    def _open(self) -> None:
        self._buffer = b""
        self._socket = socket.create_connection((HOST, self._target.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, due: float) -> None:
        """Send the request that was due at `due` (seconds of the performance counter)."""
        self.begun = due
        self._socket.sendall(self._target.request)

    def receive(self) -> bool | None:
        """Read what is there; tell whether the answer is a good one, None while it is not complete."""
        try:
            data = self._socket.recv(65536)
        except OSError:
            data = b""
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not data or (blank and not length):  # it left, or nobody can tell where its answer ends
            self.close()
            self._open()
            return False
        if not blank or len(body) < int(length[1]):
            return None
        self._buffer = b""
        status = f"HTTP/1.1 {self._target.status} ".encode()
        return head.startswith(status) and (self._target.length < 0 or len(body) == self._target.length)


def load(target: Target, *, clients: int, seconds: float, rate: float = 0.0) -> Result:
    """Ask for `seconds`, on `clients` connections.

    With a `rate` (per second) requests are sent when they are due, whatever became of earlier ones (open loop), and
    their latency counts from then. Without, each connection has its next request when the last is answered.
    """
    idle = deque(Connection(target) for _ in range(clients))
    connections, busy, latencies, failures, sent = [*idle], set(), [], 0, 0
    begun = now = time.perf_counter()
    while True:
        due = begun + sent / rate if rate else now
        if idle and due <= now and due < begun + seconds:
            connection = idle.popleft()
            connection.send(due)
            busy.add(connection)
            sent += 1
            continue
        over = due >= begun + seconds
        if over and not busy:
            break
        for connection in wait(busy, due - now if idle and not over else PATIENCE):
            good = connection.receive()
            if good is not None:
                latencies.append((time.perf_counter() - connection.begun) * 1000)
                failures += not good
                busy.remove(connection)
                idle.append(connection)
        now = time.perf_counter()
    for connection in connections:
        connection.close()
    return Result(len(latencies), failures, now - begun, latencies)


def wait(busy: set[Connection], timeout: float) -> list[Connection]:
    """Give the connections with something to read, at the latest after `timeout` seconds; TimeoutError for silence."""
    ready = select.select(busy, [], [], timeout)[0]
    if not ready and timeout >= PATIENCE:
        raise TimeoutError(f"no answer within {PATIENCE:g} s")
    return ready
