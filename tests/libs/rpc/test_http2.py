"""`libs.rpc.http2` beside `h2`, which knows the rules by itself, and with frames that break them."""

from contextlib import suppress

import h2.config
import h2.connection
import h2.events
import h2.settings
import hpack
import pytest
from hyperframe import frame as frames
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.rpc import http2 as module
from libs.rpc.http2 import MAX_HEADERS, STREAM, WINDOW, ClientStream, Fields, Http2Error

REQUEST = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/Exchange"),
    (":authority", "todo:9000"),
    ("te", "trailers"),
]
ANSWER = [(":status", "200"), ("content-type", "application/grpc")]
TRAILERS = [("grpc-status", "0")]


class Heard:
    """What came on a stream."""

    def __init__(self) -> None:
        self.fields: list[list[tuple[str, str]]] = []
        self.data = b""
        self.ends: list[object] = []

    def on_fields(self, fields: Fields) -> None:
        self.fields.append(list(fields))

    def on_data(self, data: bytes) -> None:
        self.data += data

    def on_end(self) -> None:
        self.ends.append("end")

    def on_reset(self, code: int, text: str) -> None:
        self.ends.append((code, text))


class World:
    """A client, and the other side: a server made of h2, which takes and gives pieces of `chunk` bytes."""

    def __init__(self, chunk: int = 65_536, **settings: int) -> None:
        self.heard = Heard()
        self.client = ClientStream(self.heard)
        self.server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.server.local_settings = h2.settings.Settings(
            client=False,
            initial_values={h2.settings.SettingCodes(int(key[1:])): value for key, value in settings.items()},
        )
        self.server.max_inbound_frame_size = self.server.local_settings.max_frame_size
        self.chunk = chunk
        self.received = b""
        self.events: list[h2.events.Event] = []
        self.server.initiate_connection()
        self.client.open(REQUEST)
        self.move()

    def move(self, *, acknowledge: bool = True) -> None:
        """Carry bytes both ways until none are left."""
        while (out := self.client.take()) or (back := self.server.data_to_send()):
            for piece in pieces(out, self.chunk):
                self._hear(self.server.receive_data(piece), acknowledge)
            if not out:
                for piece in pieces(back, self.chunk):
                    self.client.feed(piece)

    def _hear(self, events: list[h2.events.Event], acknowledge: bool) -> None:
        self.events += events
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                self.received += event.data
                if acknowledge:
                    self.server.acknowledge_received_data(event.flow_controlled_length, STREAM)

    def answer(self) -> None:
        self.server.send_headers(STREAM, ANSWER)
        self.move()


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def opened() -> tuple[ClientStream, Heard]:
    """Give a client that has been answered."""
    heard = Heard()
    client = ClientStream(heard)
    client.open(REQUEST)
    client.take()
    client.feed(frames.SettingsFrame(0).serialize() + fields(ANSWER))
    client.take()
    return client, heard


def fields(given: list[tuple[str, str]], *flags: str) -> bytes:
    return frames.HeadersFrame(STREAM, hpack.Encoder().encode(given), flags=["END_HEADERS", *flags]).serialize()


def data(given: bytes, stream: int = STREAM, *flags: str) -> bytes:
    return frames.DataFrame(stream, given, flags=flags).serialize()


def raw(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def test_opens_a_stream_with_its_fields_in_order() -> None:
    world = World()

    (request,) = [event for event in world.events if isinstance(event, h2.events.RequestReceived)]

    assert request.stream_id == STREAM
    assert request.headers == REQUEST


def test_fields_too_large_for_a_frame_go_on_in_the_next() -> None:
    heard, server = Heard(), h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    client = ClientStream(heard)
    client.open([*REQUEST, ("x-large", "x" * 30_000)])

    events = server.receive_data(client.take())

    assert any(isinstance(event, h2.events.RequestReceived) for event in events)


@settings(deadline=None)
@given(
    sent=st.lists(st.integers(0, 70_000), max_size=6),
    returned=st.lists(st.tuples(st.integers(0, 16_000), st.integers(0, 255)), max_size=6),
    chunk=st.integers(1, 40_000),
    window=st.integers(1, 100_000),
    frame=st.integers(16_384, 100_000),
)
def test_bodies_of_any_size_arrive_whole_both_ways(
    sent: list[int], returned: list[tuple[int, int]], chunk: int, window: int, frame: int
) -> None:
    world = World(max(chunk, sum(sent) // 500), _4=max(window, sum(sent) // 200), _5=frame)
    world.answer()

    for number, size in enumerate(sent):
        world.client.write(bytes([number]) * size)
        world.move()
    for number, (size, padding) in enumerate(returned):
        world.server.send_data(STREAM, bytes([number]) * size, pad_length=padding or None)
        world.move()
    world.server.send_headers(STREAM, TRAILERS, end_stream=True)
    world.move()

    assert world.received == b"".join(bytes([number]) * size for number, size in enumerate(sent))
    assert world.heard.data == b"".join(bytes([number]) * size for number, (size, _) in enumerate(returned))
    assert world.heard.fields == [ANSWER, TRAILERS]
    assert world.heard.ends == ["end"]
    assert not world.client.is_blocked


def test_waits_until_the_other_side_has_read() -> None:
    world = World()
    world.answer()

    world.client.write(b"x" * 70_000)
    world.move(acknowledge=False)
    assert (len(world.received), world.client.is_blocked) == (65_535, True)
    world.client.write(b"y")  # behind what waits
    world.server.acknowledge_received_data(65_535, STREAM)
    world.move()

    assert world.received == b"x" * 70_000 + b"y"
    assert not world.client.is_blocked


def test_the_connection_has_a_window_as_well() -> None:
    world = World(_4=10**6)

    for _ in range(5):
        world.client.write(b"x" * 16_000)
        world.move(acknowledge=False)

    assert (len(world.received), world.client.is_blocked) == (65_535, True)


def test_a_window_made_smaller_counts_for_what_was_sent_before() -> None:
    world = World()
    world.client.write(b"x" * 60_000)
    world.move(acknowledge=False)
    world.server.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 10_000})
    world.move()

    world.client.write(b"y")
    assert world.client.is_blocked
    world.server.increment_flow_control_window(50_000, STREAM)
    world.move(acknowledge=False)
    assert world.client.is_blocked  # 60,000 were sent, 60,000 are allowed
    world.server.increment_flow_control_window(1, STREAM)
    world.move(acknowledge=False)

    assert world.received == b"x" * 60_000 + b"y"


def test_lets_the_other_side_go_on_sending() -> None:
    world = World()
    world.answer()
    piece = b"x" * 16_000

    for _ in range(2 * WINDOW // len(piece)):
        world.server.send_data(STREAM, piece)  # h2 raises where the window does not allow it
        world.move()

    assert len(world.heard.data) == 2 * WINDOW // len(piece) * len(piece)


def test_answers_pings() -> None:
    world = World()

    world.server.ping(b"12345678")
    world.move()

    (answer,) = [event for event in world.events if isinstance(event, h2.events.PingAckReceived)]
    assert answer.ping_data == b"12345678"


def test_asks_for_a_sign_of_life() -> None:
    world = World()

    world.client.ping()
    world.move()

    assert any(isinstance(event, h2.events.PingReceived) for event in world.events)


def test_a_server_that_drains_finishes_what_is_under_way() -> None:
    client, heard = opened()

    client.feed(
        frames.GoAwayFrame(0, last_stream_id=2**31 - 1).serialize() + frames.PingFrame(0, b"12345678").serialize()
    )
    client.feed(
        frames.GoAwayFrame(0, last_stream_id=STREAM).serialize() + data(b"last") + fields(TRAILERS, "END_STREAM")
    )

    assert (heard.data, heard.ends) == (b"last", ["end"])


@pytest.mark.parametrize(
    ("came", "heard"),
    [
        (frames.GoAwayFrame(0, last_stream_id=0).serialize(), (0, "goodbye with error 0")),
        (frames.GoAwayFrame(0, STREAM, 11, b"too_many_pings").serialize(), (11, "too_many_pings")),
        (frames.RstStreamFrame(STREAM, 8).serialize(), (8, "error 8")),
    ],
    ids=["not taken", "goodbye for an error", "reset"],
)
def test_hears_that_the_stream_was_given_up_once(came: bytes, heard: object) -> None:
    client, listener = opened()

    client.feed(came + came)

    assert listener.ends == [heard]


def test_gives_up_the_stream_and_then_the_connection() -> None:
    world = World()

    world.client.close()
    world.move()

    assert [type(event) for event in world.events[-2:]] == [h2.events.StreamReset, h2.events.ConnectionTerminated]


def test_what_has_no_meaning_is_passed_over() -> None:
    client, heard = opened()

    client.feed(raw(2, b"\0" * 5, stream=STREAM) + raw(0xFA, b"x", stream=9) + data(b"x") + data(b""))

    assert (heard.data, heard.ends) == (b"x", [])


def test_reads_fields_in_parts_with_padding_and_priority() -> None:
    client, heard = opened()
    block = hpack.Encoder().encode(TRAILERS)
    first = frames.HeadersFrame(STREAM, block[:3], pad_length=7, flags=["PADDED", "PRIORITY", "END_STREAM"]).serialize()

    client.feed(first + frames.ContinuationFrame(STREAM, block[3:], flags=["END_HEADERS"]).serialize())

    assert (heard.fields[1:], heard.ends) == ([TRAILERS], ["end"])


LARGE = hpack.Encoder().encode([(f"x-{number}", "ä" * 5_000) for number in range(12)])[: MAX_HEADERS + 1]


@pytest.mark.parametrize(
    ("came", "code"),
    [
        (raw(0, b"x" * 16_385, stream=STREAM), module.FRAME_SIZE_ERROR),
        (data(b"x", 3), module.PROTOCOL_ERROR),
        (raw(0, b"x"), module.PROTOCOL_ERROR),
        (raw(0, b"\x05xxx", 8, STREAM), module.PROTOCOL_ERROR),
        (raw(0, b"", 8, STREAM), module.PROTOCOL_ERROR),
        (data(b"", STREAM, "END_STREAM") + data(b"x"), module.STREAM_CLOSED),
        (fields(TRAILERS, "END_STREAM") + fields(TRAILERS), module.STREAM_CLOSED),
        (raw(1, b"", 4, 3), module.PROTOCOL_ERROR),
        (raw(1, b"\xff" * 20, 4, STREAM), module.COMPRESSION_ERROR),
        (raw(1, b"\x40\x81\xff\x01x", 4, STREAM), module.COMPRESSION_ERROR),
        (raw(1, b"", 0, STREAM) + data(b"x"), module.PROTOCOL_ERROR),
        (raw(1, b"", 0, STREAM) + raw(9, b"", 4, 3), module.PROTOCOL_ERROR),
        (raw(1, b"", 0, STREAM) + b"".join(raw(9, b"x" * 16_000, 0, STREAM) for _ in range(5)), module.PROTOCOL_ERROR),
        (raw(9, b"", 4, STREAM), module.PROTOCOL_ERROR),
        (raw(4, b"", 0, STREAM), module.PROTOCOL_ERROR),
        (raw(4, b"12345"), module.FRAME_SIZE_ERROR),
        (raw(4, b"123456", 1), module.FRAME_SIZE_ERROR),
        (raw(4, b"\0\4\x80\0\0\0"), module.FLOW_CONTROL_ERROR),
        (raw(4, b"\0\5\0\0\0\1"), module.PROTOCOL_ERROR),
        (raw(5, b"\0\0\0\2", 4, STREAM), module.PROTOCOL_ERROR),
        (raw(6, b"1234567"), module.FRAME_SIZE_ERROR),
        (raw(6, b"12345678", 0, STREAM), module.PROTOCOL_ERROR),
        (raw(3, b"123", 0, STREAM), module.FRAME_SIZE_ERROR),
        (raw(3, b"1234"), module.PROTOCOL_ERROR),
        (raw(7, b"1234567"), module.FRAME_SIZE_ERROR),
        (raw(7, b"12345678", 0, STREAM), module.PROTOCOL_ERROR),
        (raw(8, b"\0\0\0\0"), module.PROTOCOL_ERROR),
        (raw(8, b"\0\0\1"), module.FRAME_SIZE_ERROR),
        (raw(8, b"\0\0\1", 0, STREAM), module.FRAME_SIZE_ERROR),
        (raw(8, b"\0\0\0\1", 0, 3), module.PROTOCOL_ERROR),
        (raw(8, b"\x7f\xff\xff\xff"), module.FLOW_CONTROL_ERROR),
        (raw(8, b"\x7f\xff\xff\xff", 0, STREAM), module.FLOW_CONTROL_ERROR),
    ],
)  # fmt: skip
def test_names_the_rule_that_was_broken(came: bytes, code: int) -> None:
    client, _ = opened()

    with pytest.raises(Http2Error) as raised:
        client.feed(came)

    assert raised.value.code == code


def test_data_beyond_the_window_breaks_a_rule() -> None:
    client, heard = opened()
    client._unread = WINDOW - 10

    with pytest.raises(Http2Error) as raised:
        client.feed(data(b"x" * 11))

    assert (raised.value.code, heard.data) == (module.FLOW_CONTROL_ERROR, b"")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 255), st.sampled_from([0, 1, 2, 3]), st.binary(max_size=40)),
        max_size=6,
    )
)
def test_whatever_comes_is_taken_or_refused(given_frames: list[tuple[int, int, int, bytes]]) -> None:
    client, _ = opened()

    with suppress(Http2Error):
        client.feed(b"".join(raw(kind, payload, flags, stream) for kind, flags, stream, payload in given_frames))
