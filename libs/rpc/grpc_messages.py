"""Messages of gRPC in the bytes of a stream: five bytes in front of each say whether it is compressed, and its length.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from collections.abc import Callable

#: A message has at most so many bytes, as gRPC takes by default.
MAX_MESSAGE = 4 * 1024 * 1024

PREFIX = 5


class MessageError(Exception):
    """What came is no message that is taken here."""


def framed(message: bytes) -> bytes:
    """Give `message` with its prefix."""
    return b"\0" + len(message).to_bytes(4) + message


class MessageReader:
    """Cuts the messages out of what comes, in pieces of any size."""

    def __init__(self, on_message: Callable[[bytes], None]) -> None:
        """Hand each whole message to `on_message`."""
        self._on_message = on_message
        self._part = bytearray()  # a message of which more is to come

    @property
    def is_between(self) -> bool:
        """Whether no message has begun that has not ended."""
        return not self._part

    def feed(self, data: bytes) -> None:
        """Take what came; MessageError where a message is compressed or too large."""
        if self._part:
            self._part += data
            data = bytes(self._part) if self._is_complete() else b""
            if not data:
                return
            self._part.clear()
        position, end = 0, len(data)
        while end - position >= PREFIX:
            begin = position + PREFIX
            following = begin + _size(data, position)
            if following > end:
                break
            position = following
            self._on_message(data[begin:position])
        self._part += data[position:]

    def _is_complete(self) -> bool:
        """Tell whether the message that came in parts is there."""
        return len(self._part) >= PREFIX and len(self._part) >= PREFIX + _size(self._part)


def _size(data: bytes | bytearray, position: int = 0) -> int:
    """Read the length of the message whose prefix is at `position`."""
    size = int.from_bytes(data[position + 1 : position + PREFIX])
    if data[position]:
        raise MessageError("a compressed message")
    if size > MAX_MESSAGE:
        raise MessageError(f"a message of {size} bytes")
    return size
