"""Bodies of any size, in chunks: HTTP/2 gives flow control, so neither side holds more than a few of them."""

import io
from collections.abc import Iterator
from typing import Any

from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.dispatcher import Streamed

CHUNK_BYTES = 64 * 1024


class Upload(io.RawIOBase):
    """The body of a request that comes in chunks, as a file to read."""

    def __init__(self, parts: Iterator[pb.Part], length: int) -> None:
        """Read the chunks of `parts`, which have `length` bytes: fewer are no whole body, whatever gRPC says."""
        self._parts = parts
        self._left = length
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`; 0 at the end, OSError where the caller left."""
        while not self._rest:
            try:
                part = next(self._parts, None)
            except Exception as error:  # gRPC raises a bare Exception where the stream breaks
                raise ConnectionResetError("the client left") from error
            if part is None and self._left:
                raise ConnectionResetError("the client left")
            if part is None:
                return 0
            self._left = max(0, self._left - len(part.chunk))
            self._rest = memoryview(part.chunk)
        view = memoryview(buffer)
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def parts_of(answer: pb.Response | Streamed) -> Iterator[pb.Part]:
    """Give an answer as parts; a body that fails half-way raises, so that nobody takes it for whole."""
    if isinstance(answer, pb.Response):
        body = answer.body
        answer.ClearField("body")
        yield pb.Part(response=answer)
        yield from map(_part, _pieces(body))
        return
    yield pb.Part(response=answer.head)
    for chunk in answer.chunks:
        yield from map(_part, _pieces(chunk))


def _part(chunk: bytes) -> pb.Part:
    return pb.Part(chunk=chunk)


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), CHUNK_BYTES):
        yield body[start : start + CHUNK_BYTES]
