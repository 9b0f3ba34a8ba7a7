"""Parked answers: those too large for a frame, or without an end, until their caller collects them by Transfer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.dispatcher import Streamed

#: A caller that does not collect an answer for so long has gone (seconds).
PARK_SECONDS = 10.0


class Parkable(Protocol):
    """What makes an answer when it is collected, or is given up."""

    def open(self) -> pb.Response | Streamed:
        """Give the answer."""

    def close(self) -> None:
        """Give it up."""


class Ready:
    """An answer that is there already."""

    def __init__(self, answer: Streamed) -> None:
        """Hold `answer`."""
        self._answer = answer

    def open(self) -> Streamed:
        """Give it."""
        return self._answer

    def close(self) -> None:
        """Close its body."""
        close: Callable[[], None] | None = getattr(self._answer.chunks, "close", None)
        if close is not None:
            close()


@dataclass(frozen=True, slots=True)
class _Place:
    owner: str
    item: Parkable
    timer: threading.Timer


class Parking:
    """The parked answers of one process. Thread-safe."""

    def __init__(self, seconds: float = PARK_SECONDS) -> None:
        """Keep each for `seconds`."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}

    def __len__(self) -> int:
        return len(self._places)

    def park(self, owner: str, item: Parkable) -> str:
        """Keep `item` for the service `owner`, and give the token to collect it with."""
        token = uuid4().hex
        timer = threading.Timer(self._seconds, self._expire, (token,))
        timer.daemon = True
        with self._lock:
            self._places[token] = _Place(owner, item, timer)
        timer.start()
        return token

    def collect(self, owner: str, token: str) -> Parkable | None:
        """Give what `owner` parked; None where it has gone, or is somebody else's."""
        with self._lock:
            place = self._places.get(token)
            if place is None or place.owner != owner:
                return None
            del self._places[token]
        place.timer.cancel()
        return place.item

    def close(self) -> None:
        """Give all up."""
        for token in list(self._places):
            self._expire(token)

    def _expire(self, token: str) -> None:
        with self._lock:
            place = self._places.pop(token, None)
        if place is not None:
            place.timer.cancel()
            place.item.close()
