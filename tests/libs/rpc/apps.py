"""WSGI applications that tests hold back."""

import threading
from typing import Any


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("201 Created", [("Location", "/v1/lists/7"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [environ["wsgi.input"].read()]


class Held:
    """Answers when it is released, and remembers what it was asked."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()
        self.paths: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.paths.append(environ["PATH_INFO"])
        self.entered.set()
        self.release.wait(10)
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]


class Large:
    """Answers with `size` bytes in pieces, and tells whether it was closed."""

    PIECE = 100_000

    def __init__(self, size: int) -> None:
        self.size, self.sent = size, 0
        self.closed = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> "Large":
        start_response("200 OK", [("Content-Type", "application/octet-stream"), ("ETag", '"7"')])
        return self

    def __iter__(self) -> Any:
        while self.sent < self.size:
            piece = min(self.PIECE, self.size - self.sent)
            self.sent += piece
            yield b"x" * piece

    def close(self) -> None:
        self.closed.set()
