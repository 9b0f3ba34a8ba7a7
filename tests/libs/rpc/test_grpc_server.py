"""`libs.rpc.grpc_server` with gRPC's own client, and with a client of raw HTTP/2."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import Any, Self

import grpc
import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from libs.rpc import grpc_server as module
from libs.rpc.grpc_calls import Single, Threaded
from libs.rpc.grpc_messages import MAX_MESSAGE, framed
from libs.rpc.grpc_server import CALL_WINDOW, GrpcError, GrpcServer, Listener, Method, ServerCall

MIB = 2**20
REFUSED_STREAM = 7


class Echo:
    """Gives each message back; some have a meaning of their own."""

    def __init__(self, call: ServerCall) -> None:
        self.call = call
        self.heard: Queue[str] = Queue()
        call.accept((("x-you", call.metadata.get("x-who", "")),))

    def on_message(self, message: bytes) -> None:
        if message == b"abort":
            raise GrpcError(grpc.StatusCode.PERMISSION_DENIED, "nein: ä%")
        if message == b"mistake":
            raise ValueError("ours")
        self.heard.put("message")
        self.call.write(message)

    def on_half_close(self) -> None:
        self.heard.put("half-close")
        self.call.finish()

    def on_gone(self) -> None:
        self.heard.put("gone")

    def on_writable(self) -> None:
        self.heard.put("writable")

    def fail(self) -> None:
        raise ValueError("ours")


class Service:
    """A server that echoes in three ways, and what it was asked."""

    def __init__(self) -> None:
        self.echoes: Queue[Echo] = Queue()
        self.release = threading.Event()
        self.entered = threading.Event()
        self.threads = ThreadPoolExecutor(4)
        self.sent = self.read = 0
        self.ends: Queue[BaseException | None] = Queue()
        methods: dict[str, Method] = {
            "/t.T/Echo": self.echo,
            "/t.T/Single": lambda call: Single(call, self.single),
            "/t.T/Held": lambda call: Single(call, self.held),
            "/t.T/Threaded": self.threaded,
        }
        self.server = GrpcServer(methods)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        self.target = f"127.0.0.1:{self.port}"
        self.server.start(listening)

    def echo(self, call: ServerCall) -> Listener:
        echo = Echo(call)
        self.echoes.put(echo)
        return echo

    def single(self, message: bytes) -> "Future[bytes]":
        def answer() -> bytes:
            if message == b"abort":
                raise GrpcError(grpc.StatusCode.NOT_FOUND, "none")
            if message == b"mistake":
                raise ValueError("ours")
            return message

        return self.threads.submit(answer)

    def held(self, message: bytes) -> "Future[bytes]":
        def answer() -> bytes:
            self.entered.set()
            self.release.wait(10)
            return message

        return self.threads.submit(answer)

    def threaded(self, call: ServerCall) -> Listener:
        threaded = Threaded(call)
        self.threads.submit(self._thread, threaded)
        return threaded

    def _thread(self, call: Threaded) -> None:
        try:
            for message in call:
                if message == b"wait":
                    self.entered.set()
                    self.release.wait(10)
                    continue
                if message.startswith(b"give "):
                    for _ in range(int(message[5:])):
                        call.send(bytes(64 * 1024))
                        self.sent += 1
                    continue
                self.read += 1
                call.send(message)
            call.finish()
        except ConnectionResetError as error:
            self.ends.put(error)
        else:
            self.ends.put(None)

    def stop(self) -> None:
        self.release.set()
        self.server.stop(0)
        self.threads.shutdown()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.stop()


@pytest.fixture
def channel(service: Service) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(service.target) as channel:
        yield channel


def stream(channel: grpc.Channel, path: str = "/t.T/Echo") -> Any:
    method: Any = channel.stream_stream(path)
    return method


def single(channel: grpc.Channel, path: str = "/t.T/Single") -> Any:
    method: Any = channel.unary_unary(path)
    return method


def heard(echo: Echo, *words: str) -> None:
    """Wait until a listener has heard these, and nothing else before them but "writable"."""
    for word in words:
        got = echo.heard.get(timeout=5)
        while got == "writable" != word:
            got = echo.heard.get(timeout=5)
        assert got == word


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Raw:
    """A client of raw HTTP/2, which reads and acknowledges only when it is told to."""

    def __init__(self, service: Service, *, window: int = 65_535) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        self.socket.connect(("127.0.0.1", service.port))
        self.socket.settimeout(5)
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.http.local_settings = h2.settings.Settings(
            initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window}
        )
        self.http.initiate_connection()
        self.events: list[Any] = []
        self.data: dict[int, bytes] = {}
        self.flush()
        self.until(h2.events.RemoteSettingsChanged)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        self.socket.sendall(self.http.data_to_send())

    def call(self, path: str = "/t.T/Echo", body: bytes = b"", *, ends: bool = False, **fields: str) -> int:
        number = self.http.get_next_available_stream_id()
        given = {"content-type": "application/grpc", "te": "trailers"}
        given |= {name.replace("_", "-"): value for name, value in fields.items()}
        head = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "t"), *given.items()]
        self.http.send_headers(number, head)
        self.send(number, body, ends=ends)
        return number

    def send(self, number: int, body: bytes, *, ends: bool = False) -> None:
        for at in range(0, len(body), 16_384):
            self.http.send_data(number, body[at : at + 16_384])
        if ends:
            self.http.end_stream(number)
        self.flush()

    def read(self) -> bool:
        """Take what comes next; False at the end."""
        data = self.socket.recv(65_536)
        for event in self.http.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived):
                self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data
        if data:
            self.flush()
        return bool(data)

    def until(self, kind: type, number: int | None = None) -> Any:
        """Read until an event of `kind`, of a call."""
        while True:
            for event in self.events:
                if isinstance(event, kind) and number in (None, getattr(event, "stream_id", None)):
                    return event
            assert self.read()

    def status(self, number: int) -> dict[str, str]:
        """Give the fields that ended a call."""
        self.until(h2.events.StreamEnded, number)
        kinds = (h2.events.ResponseReceived, h2.events.TrailersReceived)
        return dict(
            [event for event in self.events if isinstance(event, kinds) and event.stream_id == number][-1].headers
        )


@pytest.mark.parametrize("path", ["/t.T/Echo", "/t.T/Threaded"])
def test_carries_messages_of_any_size_both_ways(channel: grpc.Channel, path: str) -> None:
    sent = [b"x" * size for size in (0, 1, 16_379, 16_384, 65_535, MIB, 3 * MIB, 5)]

    assert list(stream(channel, path)(iter(sent), timeout=10)) == sent


def test_gives_metadata_both_ways(channel: grpc.Channel) -> None:
    call = stream(channel)(iter([b"1"]), metadata=(("x-who", "me"),), timeout=5)

    assert dict(call.initial_metadata())["x-you"] == "me"
    assert list(call) == [b"1"]


def test_ends_with_the_status_and_its_text(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        list(stream(channel)(iter([b"abort"]), timeout=5))

    error: Any = raised.value
    assert (error.code(), error.details()) == (grpc.StatusCode.PERMISSION_DENIED, "nein: ä%")


@pytest.mark.parametrize(
    ("path", "message", "code", "text"),
    [
        ("/t.T/Other", b"", grpc.StatusCode.UNIMPLEMENTED, "no such method"),
        ("/t.T/Single", b"abort", grpc.StatusCode.NOT_FOUND, "none"),
        ("/t.T/Single", b"mistake", grpc.StatusCode.INTERNAL, "the application gave no answer"),
    ],
)
def test_a_single_call_ends_with_its_status(
    channel: grpc.Channel, path: str, message: bytes, code: grpc.StatusCode, text: str
) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        single(channel, path)(message, timeout=5)

    error: Any = raised.value
    assert (error.code(), error.details()) == (code, text)


def test_answers_many_single_calls_at_once(channel: grpc.Channel) -> None:
    method = single(channel)
    futures = [method.future(b"%d" % number, timeout=10) for number in range(500)]

    assert [future.result() for future in futures] == [b"%d" % number for number in range(500)]


def test_a_mistake_of_ours_ends_its_call_only(service: Service) -> None:
    with Raw(service) as raw:
        other = raw.call(body=framed(b"1"))
        broken = raw.call(body=framed(b"mistake"))
        assert raw.status(broken)["grpc-status"] == "13"
        raw.send(other, framed(b"2"), ends=True)

        assert raw.status(other) == {"grpc-status": "0"}
        assert raw.data[other] == framed(b"1") + framed(b"2")


@pytest.mark.parametrize("when", ["soon", "writable", "gone"])
def test_a_mistake_of_ours_at_another_time_ends_its_call_only(
    service: Service, channel: grpc.Channel, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Raw(service) as raw:
        broken = raw.call(body=framed(b"1"))
        echo = service.echoes.get(timeout=5)
        other = raw.call(body=framed(b"2"))
        last = service.echoes.get(timeout=5)
        heard(last, "message")
        if when == "soon":
            echo.call.soon(echo.fail)
            assert raw.status(broken)["grpc-status"] == "13"
        elif when == "writable":
            monkeypatch.setattr(echo, "on_writable", echo.fail)
            raw.http.increment_flow_control_window(10)
            raw.flush()
            assert raw.status(broken)["grpc-status"] == "13"
        else:
            monkeypatch.setattr(echo, "on_gone", echo.fail)
            raw.http.reset_stream(broken)
        raw.send(other, framed(b"3"), ends=True)
        assert raw.status(other)["grpc-status"] == "0"

    assert single(channel)(b"4", timeout=5) == b"4"


def test_a_listener_hears_once_that_its_caller_has_left(service: Service, channel: grpc.Channel) -> None:
    never: Queue[bytes] = Queue()
    call = stream(channel)(iter(never.get, b""), timeout=30)
    never.put(b"1")
    assert next(call) == b"1"
    call.cancel()

    echo = service.echoes.get(timeout=5)
    heard(echo, "message", "gone")
    assert single(channel)(b"2", timeout=5) == b"2"  # the connection goes on
    never.put(b"")
    channel.close()
    until(lambda: not service.server.connections)
    assert echo.heard.empty()


def test_a_listener_hears_that_its_connection_broke(service: Service) -> None:
    with Raw(service) as raw:
        raw.call(body=framed(b"1"))
        heard(service.echoes.get(timeout=5), "message")
        raw.call(body=framed(b"2"))
        echo = service.echoes.get(timeout=5)
        heard(echo, "message")

    heard(echo, "gone")


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("path", ["/t.T/Echo", "/t.T/Single", "/t.T/Threaded"])
def test_what_is_given_up_in_the_packet_it_came_in_is_no_mistake(
    service: Service, path: str, *, is_known: bool
) -> None:
    """The rules have been applied to the whole packet before its first part is looked at."""
    with Raw(service) as raw:
        flush, raw.flush = raw.flush, lambda: None  # type: ignore[method-assign]
        number = raw.call(path)
        if is_known:
            flush()
            until(lambda: any(number in each._calls for each in service.server.connections))
        raw.send(number, framed(b"1"))
        raw.http.reset_stream(number)
        alone = raw.call("/t.T/Single", framed(b"2"), ends=True)
        raw.flush = flush  # type: ignore[method-assign]
        raw.flush()

        assert raw.status(alone)["grpc-status"] == "0"
        assert number not in raw.data
        assert not [call for each in service.server.connections for call in each._calls]


def test_a_goodbye_ends_what_is_under_way(service: Service) -> None:
    with Raw(service) as raw:
        number = raw.call(body=framed(b"1"))
        raw.until(h2.events.DataReceived, number)
        raw.http.close_connection()
        raw.flush()
        while raw.socket.recv(65_536):
            pass

        heard(service.echoes.get(timeout=5), "message", "gone")


def test_a_caller_may_stop_sending_when_its_call_has_ended(service: Service) -> None:
    with Raw(service) as raw:
        number = raw.call(body=framed(b"abort"))

        assert raw.until(h2.events.StreamReset, number).error_code == 0
        assert raw.status(number)["grpc-status"] == "7"


def test_a_goodbye_in_the_packet_of_a_call_ends_the_connection(service: Service) -> None:
    with Raw(service) as raw:
        raw.flush, flush = lambda: None, raw.flush  # type: ignore[method-assign]
        raw.call(body=framed(b"1"))
        raw.http.close_connection()
        flush()
        while raw.socket.recv(65_536):
            pass
    until(lambda: not service.server.connections)
    assert service.echoes.empty()


def test_a_deadline_ends_the_call(service: Service) -> None:
    with Raw(service) as raw:
        began = time.monotonic()
        late = raw.call(body=framed(b"1"), grpc_timeout="100m")
        alone = raw.call(body=framed(b"1"), ends=True, grpc_timeout="5S")

        assert raw.status(alone)["grpc-status"] == "0"
        assert raw.status(late)["grpc-status"] == "4"
        assert time.monotonic() - began > 0.09
        heard(service.echoes.get(timeout=5), "message", "gone")
        timer = service.echoes.get(timeout=5).call._timer
        assert timer is not None
        assert timer.cancelled()


@pytest.mark.parametrize(
    ("text", "seconds"), [("1H", 3600), ("2M", 120), ("3S", 3), ("4m", 0.004), ("5u", 5e-6), ("99999999n", 0.099999999)]
)
def test_reads_timeouts_in_all_units(text: str, seconds: float) -> None:
    assert module._seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1", "S", "-1S", "1.5S", "123456789S", "1X", "٣S"])
def test_a_timeout_that_cannot_be_read_refuses_the_call(service: Service, text: str) -> None:
    with pytest.raises(GrpcError):
        module._seconds(text)
    if text.isascii():
        with Raw(service) as raw:
            assert raw.status(raw.call(grpc_timeout=text))["grpc-status"] == "13"
        assert service.echoes.empty()


def test_what_is_not_grpc_is_told_so(service: Service) -> None:
    with Raw(service) as raw:
        assert raw.status(raw.call(content_type="text/html"))[":status"] == "415"


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(64)]
)
def test_who_does_not_speak_http2_is_hung_up_on(service: Service, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.settimeout(5)
        connection.sendall(sent)
        while connection.recv(4096):
            pass
    until(lambda: not service.server.connections)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\1" + framed(b"x")[1:], "8"),
        (b"\0" + (MAX_MESSAGE + 1).to_bytes(4), "8"),
        (framed(b"whole") + framed(b"cut")[:-1], "13"),
    ],
    ids=["compressed", "too large", "cut"],
)
@pytest.mark.parametrize("path", ["/t.T/Echo", "/t.T/Single", "/t.T/Threaded"])
def test_a_message_that_cannot_be_read_ends_its_call(service: Service, body: bytes, status: str, path: str) -> None:
    with Raw(service) as raw:
        assert raw.status(raw.call(path, body, ends=True))["grpc-status"] == status
        assert raw.status(raw.call("/t.T/Single", framed(b"1"), ends=True))["grpc-status"] == "0"


@pytest.mark.parametrize("body", [b"", framed(b"1") + framed(b"2")], ids=["none", "two"])
def test_a_single_call_has_one_message(service: Service, body: bytes) -> None:
    with Raw(service) as raw:
        assert raw.status(raw.call("/t.T/Single", body, ends=True))["grpc-status"] == "13"


def test_what_the_caller_does_not_take_waits_and_the_status_behind_it(service: Service) -> None:
    with Raw(service) as raw:
        number = raw.call("/t.T/Echo", framed(b"x" * 100_000), ends=True)
        while len(raw.data.get(number, b"")) < 65_535:
            raw.read()
        echo = service.echoes.get(timeout=5)
        heard(echo, "message", "half-close")
        assert not echo.call.is_writable
        assert not [event for event in raw.events if isinstance(event, h2.events.StreamEnded)]

        raw.http.increment_flow_control_window(100_000)
        raw.http.increment_flow_control_window(100_000, number)
        raw.flush()

        assert raw.status(number) == {"grpc-status": "0"}
        assert raw.data[number] == framed(b"x" * 100_000)


def test_says_when_the_caller_takes_more(service: Service) -> None:
    with Raw(service) as raw:
        number = raw.call("/t.T/Echo", framed(b"x" * 70_000))
        while len(raw.data.get(number, b"")) < 65_535:
            raw.read()
        echo = service.echoes.get(timeout=5)
        heard(echo, "message")
        raw.http.increment_flow_control_window(50_000)
        raw.http.increment_flow_control_window(50_000, number)
        raw.flush()

        assert echo.heard.get(timeout=5) == "writable"
        assert echo.call.is_writable


def test_a_thread_waits_for_a_caller_that_reads_slowly(service: Service) -> None:
    with Raw(service) as raw:
        number = raw.call("/t.T/Threaded", framed(b"give 100"), ends=True)
        raw.until(h2.events.DataReceived, number)
        time.sleep(0.2)
        assert service.sent < 5
        while not [event for event in raw.events if isinstance(event, h2.events.StreamEnded)]:
            for event in [event for event in raw.events if isinstance(event, h2.events.DataReceived)]:
                raw.events.remove(event)
                raw.http.acknowledge_received_data(event.flow_controlled_length, number)
            raw.flush()
            raw.read()

        assert len(raw.data[number]) == 100 * (64 * 1024 + 5)
        assert raw.status(number)["grpc-status"] == "0"


def test_a_thread_waits_while_the_network_takes_nothing(service: Service) -> None:
    """A window for all, and a caller that has stopped reading: the buffers of both sockets are full."""
    with Raw(service, window=2**30) as raw:
        raw.http.increment_flow_control_window(2**30)
        number = raw.call("/t.T/Threaded", framed(b"give 120"), ends=True)
        seen = -1
        while seen != service.sent or not seen:
            seen = service.sent
            time.sleep(0.2)
        assert seen < 120

        assert raw.status(number)["grpc-status"] == "0"
        assert service.sent == 120


def test_a_thread_that_does_not_read_holds_its_caller_only(service: Service, channel: grpc.Channel) -> None:
    taken = 0

    def body() -> Iterator[bytes]:
        nonlocal taken
        yield b"wait"
        for _ in range(320):
            taken += 1
            yield bytes(64 * 1024)

    call = stream(channel, "/t.T/Threaded")(body(), timeout=20)
    assert service.entered.wait(5)
    time.sleep(0.2)

    assert taken * 64 * 1024 < CALL_WINDOW + 2 * MIB
    assert single(channel)(b"x" * MIB, timeout=5) == b"x" * MIB
    service.release.set()
    assert sum(map(len, call)) == 320 * 64 * 1024


@pytest.mark.parametrize("message", [b"wait", b"give 100"])
def test_a_thread_hears_that_its_caller_has_left(service: Service, message: bytes) -> None:
    with Raw(service) as raw:
        number = raw.call("/t.T/Threaded", framed(message))
        if message != b"wait":
            raw.until(h2.events.DataReceived, number)
        else:
            assert service.entered.wait(5)
    until(lambda: not service.server.connections)
    service.release.set()

    assert isinstance(service.ends.get(timeout=5), ConnectionResetError)


def test_stopping_finishes_what_is_under_way_and_begins_nothing_new(service: Service) -> None:
    with Raw(service) as raw:
        number = raw.call("/t.T/Held", framed(b"1"), ends=True)
        assert service.entered.wait(5)
        stop = threading.Thread(target=service.server.stop, args=(10,))
        stop.start()
        raw.until(h2.events.ConnectionTerminated)
        assert raw.events[-1].last_stream_id == number
        service.release.set()
        while framed(b"1") not in raw.data.get(number, b""):
            frames = raw.socket.recv(65_536)  # h2 takes no more after a goodbye
            raw.data[number] = raw.data.get(number, b"") + frames
        assert stop.is_alive()  # until the caller hangs up
    began = time.monotonic()
    stop.join(5)

    assert time.monotonic() - began < 0.5
    assert not stop.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", service.port))


def test_what_comes_behind_the_goodbye_is_refused_for_somebody_else_to_do(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Raw(service) as raw:
        number = raw.call(body=framed(b"1"))
        raw.until(h2.events.DataReceived, number)
        for connection in service.server.connections:
            service.server.soon(connection.leave)
            until(lambda connection=connection: connection._is_leaving)
        # A call that was on its way: h2 would not send it once it has read the goodbye.
        late = raw.call("/t.T/Single", framed(b"2"), ends=True)
        data = b""
        expected = b"\x00\x00\x04\x03\x00" + late.to_bytes(4) + REFUSED_STREAM.to_bytes(4)  # RST_STREAM
        while expected not in data:
            data += raw.socket.recv(65_536)


def test_who_does_not_hang_up_after_the_goodbye_is_hung_up_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.1)
    with Raw(service) as raw:
        assert raw.status(raw.call("/t.T/Single", framed(b"1"), ends=True))["grpc-status"] == "0"
        began = time.monotonic()
        service.server.stop(10)

        assert 0.09 < time.monotonic() - began < 3


def test_a_call_that_takes_longer_than_the_grace_is_broken_off(service: Service) -> None:
    with Raw(service) as raw:
        raw.call(body=framed(b"1"))
        echo = service.echoes.get(timeout=5)
        began = time.monotonic()
        service.server.stop(0.2)

        assert 0.19 < time.monotonic() - began < 3
        heard(echo, "message", "gone")


def test_a_client_of_grpc_is_answered_while_the_server_stops(service: Service, channel: grpc.Channel) -> None:
    future = single(channel, "/t.T/Held").future(b"1", timeout=10)
    assert service.entered.wait(5)
    stop = threading.Thread(target=service.server.stop, args=(10,))
    stop.start()
    service.release.set()

    assert future.result() == b"1"
    stop.join(5)
    assert not stop.is_alive()


def test_what_a_thread_says_to_a_server_that_has_ended_goes_nowhere(service: Service) -> None:
    with Raw(service) as raw:
        raw.call(body=framed(b"1"))
        echo = service.echoes.get(timeout=5)
        service.server.stop(0)

    echo.call.soon(echo.call.finish)
    service.server.stop(0)


def test_two_may_stop_a_server_at_once() -> None:
    for _ in range(30):
        server = GrpcServer({})
        server.start(socket.create_server(("127.0.0.1", 0)))
        stops = [threading.Thread(target=server.stop, args=(0,), daemon=True) for _ in range(4)]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join(5)
            assert not stop.is_alive()


def test_callers_that_vanish_are_found_out(service: Service) -> None:
    with Raw(service):
        (connection,) = service.server.connections
        of_connection = connection._transport.get_extra_info("socket")

        assert of_connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert of_connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == module.PROBE_AFTER
