import asyncio
from typing import Any
from unittest.mock import Mock

import pytest

from libs.rpc.http_answer import AnswerCycle

Headers = list[tuple[bytes, bytes]]


class Wire:
    """A connection that remembers what was written to it."""

    def __init__(self, method: str = "GET", *, keep_alive: bool = True) -> None:
        self.writes: list[bytes] = []
        self.closed = False
        self.answered = Mock()
        transport: Any = Mock()
        transport.write = self._write
        transport.close = self._close
        transport.is_closing = lambda: self.closed
        logger, flow = Mock(), Mock(write_paused=False)
        self.cycle = AnswerCycle(
            {"method": method}, transport, flow, logger, logger, False, [(b"date", b"today")], asyncio.Event(),  # type: ignore[typeddict-item]
            expect_100_continue=False, keep_alive=keep_alive, on_response=self.answered,
        )  # fmt: skip
        self.cycle.loop = asyncio.get_running_loop()

    def _write(self, data: bytes) -> None:
        self.writes.append(data)

    @property
    def written(self) -> bytes:
        return b"".join(self.writes)

    def _close(self) -> None:
        self.closed = True

    async def head(self, headers: Headers, status: int = 200) -> None:
        await self.cycle.send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, data: bytes, *, more: bool = False) -> None:
        await self.cycle.send({"type": "http.response.body", "body": data, "more_body": more})


async def test_writes_the_head_and_a_body_of_known_length() -> None:
    wire = Wire()
    await wire.head([(b"Content-Length", b"2"), (b"x-a", b"b\tc")])
    await wire.body(b"ok")

    assert wire.written == b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 2\r\nx-a: b\tc\r\n\r\nok"
    wire.answered.assert_called_once()


async def test_head_and_body_are_one_write() -> None:
    wire = Wire()
    await wire.head([(b"content-length", b"2")])
    await wire.body(b"ok")
    await asyncio.sleep(0)

    assert len(wire.writes) == 1


async def test_a_head_does_not_wait_for_a_body_that_comes_later() -> None:
    wire = Wire()
    await wire.head([(b"content-length", b"2")])
    assert wire.written == b""
    await asyncio.sleep(0)
    assert wire.written.endswith(b"\r\n\r\n")

    await wire.body(b"ok")
    assert wire.writes[1:] == [b"ok"]


async def test_of_an_answer_that_was_given_up_nothing_is_written_behind_the_end() -> None:
    wire = Wire()
    await wire.head([])
    wire._close()
    await asyncio.sleep(0)

    assert wire.written == b""


async def test_a_body_of_unknown_length_is_chunked() -> None:
    wire = Wire()
    await wire.head([(b"transfer-encoding", b"chunked")])
    await wire.body(b"one", more=True)
    await wire.body(b"", more=True)
    await wire.body(b"")

    assert wire.written.endswith(b"\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n")
    assert wire.written.count(b"transfer-encoding") == 1


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_an_answer_without_a_body_has_no_framing(method: str, status: int) -> None:
    wire = Wire(method)
    await wire.head([], status)
    await wire.body(b"")

    assert b"transfer-encoding" not in wire.written
    assert wire.written.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "header", [(b"x-a", b"b\r\nx-c: d"), (b"x-a", b"\x00"), (b"x a", b"b"), (b"", b"b"), (b"x:", b"b")]
)
async def test_a_header_that_would_split_the_answer_is_refused_before_anything_is_written(
    header: tuple[bytes, bytes],
) -> None:
    wire = Wire()

    with pytest.raises(RuntimeError):
        await wire.head([header])
    assert not wire.written


@pytest.mark.parametrize("body", [b"x", b"xxx"])
async def test_a_body_of_another_length_than_said_is_refused(body: bytes) -> None:
    wire = Wire()
    await wire.head([(b"content-length", b"2")])

    with pytest.raises(RuntimeError, match="Content-Length"):
        await wire.body(body)


@pytest.mark.parametrize(("keep_alive", "headers"), [(False, []), (True, [(b"connection", b"Close")])])
async def test_says_that_it_closes_and_closes(keep_alive: bool, headers: Headers) -> None:
    wire = Wire(keep_alive=keep_alive)
    await wire.head([(b"content-length", b"0"), *headers])
    await wire.body(b"")

    assert wire.written.lower().count(b"connection: close") == 1
    assert wire.closed
