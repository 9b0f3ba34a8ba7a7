"""The service's side of an Exchange: one stream of a gateway, on which many requests are under way.

    reader thread   frames in → a job in the dispatcher's pool each
    handler thread  job → answer → outgoing queue
    gRPC thread     outgoing queue → one message with whatever is ready

Whatever is queued while a message is being written goes out with the next one: a gRPC message costs about 0.2 ms on
each side, a frame in it a tenth of that. No request is begun with less than 10 ms left.
"""

import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Protocol

import grpc
import structlog

from libs.identity.principal import Call, Caller
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.dispatcher import Dispatcher, Overloaded
from libs.rpc.messages import call_of

log = structlog.get_logger(__name__)

#: A body in a frame has at most so many bytes; larger ones go by Transfer.
MAX_FRAME_BODY = 1024 * 1024

#: A message takes frames until it has so many bytes, and is far from gRPC's limit of 4 MiB.
MESSAGE_BYTES = 256 * 1024

#: With less time left nobody would see the answer (seconds).
MIN_SECONDS = 0.010


class Host(Protocol):
    """What an Exchange needs of the server it belongs to."""

    dispatcher: Dispatcher
    draining: bool

    def answer(self, request: pb.Request, call: Call) -> pb.Response | str:
        """Answer on this thread; a text is the token of a parked answer."""

    def prepare(self, request: pb.Request, call: Call) -> str | None:
        """Give the token of a parked answer where a streaming route is asked for."""


class _Job:
    __slots__ = ("cancelled", "deadline")

    def __init__(self, deadline: float) -> None:
        self.cancelled = False
        self.deadline = deadline


class Exchange:
    """One stream."""

    def __init__(self, host: Host, caller: Caller, incoming: Iterator[pb.Frames]) -> None:
        """Answer the frames that `caller` sends."""
        self._host = host
        self._caller = caller
        self._incoming = incoming
        self._lock = threading.Lock()
        self._jobs: dict[int, _Job] = {}
        self._outgoing: SimpleQueue[pb.RawFrame | None] = SimpleQueue()
        self._ending = False

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return len(self._jobs)

    def messages(self) -> Iterator[pb.RawFrames]:
        """Give what goes back, until the stream is over."""
        threading.Thread(target=self._read, name="exchange-reader", daemon=True).start()
        while (first := self._outgoing.get()) is not None:
            message, size = pb.RawFrames(frames=[first]), _size(first)
            while size < MESSAGE_BYTES:
                try:
                    frame = self._outgoing.get_nowait()
                except Empty:
                    break
                if frame is None:
                    yield message
                    return
                message.frames.append(frame)
                size += _size(frame)
            yield message

    def finish(self) -> None:
        """Begin nothing new, and end the stream when all that is under way has been answered."""
        with self._lock:
            self._ending = True
            if not self._jobs:
                self._outgoing.put(None)

    def abandon(self) -> None:
        """The stream is broken: nobody waits for what is under way."""
        with self._lock:
            for job in self._jobs.values():
                job.cancelled = True
        self._outgoing.put(None)

    def _read(self) -> None:
        try:
            for message in self._incoming:
                for frame in message.frames:
                    self._take(frame)
        except Exception:  # noqa: BLE001  (a broken stream: gRPC raises a bare Exception here)
            self.abandon()
        else:
            self.finish()

    def _take(self, frame: pb.Frame) -> None:
        kind = frame.WhichOneof("kind")
        if kind == "request":
            self._begin(frame)
        elif kind == "cancel":
            job = self._jobs.get(frame.id)
            if job is not None:
                job.cancelled = True

    def _begin(self, frame: pb.Frame) -> None:
        job = _Job(time.monotonic() + frame.deadline_ms / 1000)
        with self._lock:
            if self._ending or self._host.draining:
                self._outgoing.put(refusal(frame.id, grpc.StatusCode.UNAVAILABLE, "the instance is stopping"))
                return
            self._jobs[frame.id] = job
        try:
            call = call_of(frame.request, self._caller)
            parked = self._host.prepare(frame.request, call)
            if parked is None:
                self._host.dispatcher.run(lambda: self._work(frame, call, job))
            else:
                self._end(frame.id, job, pb.RawFrame(id=frame.id, parked=pb.Parked(token=parked)))
        except Overloaded as error:
            self._end(frame.id, job, refusal(frame.id, grpc.StatusCode.RESOURCE_EXHAUSTED, error.detail))

    def _work(self, frame: pb.Frame, call: Call, job: _Job) -> None:
        try:
            answer = self._answer(frame, call, job)
        except Exception:
            log.exception("the application raised", path=frame.request.raw_path.decode("latin-1"))
            answer = abort(frame.id, grpc.StatusCode.INTERNAL, "the application gave no answer")
        self._end(frame.id, job, answer)

    def _answer(self, frame: pb.Frame, call: Call, job: _Job) -> pb.RawFrame | None:
        if job.cancelled:
            return None
        if job.deadline - time.monotonic() < MIN_SECONDS:
            return refusal(frame.id, grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed")
        answer = self._host.answer(frame.request, call)
        if isinstance(answer, str):
            return pb.RawFrame(id=frame.id, parked=pb.Parked(token=answer))
        return pb.RawFrame(id=frame.id, response=answer.SerializeToString())

    def _end(self, number: int, job: _Job, answer: pb.RawFrame | None) -> None:
        if answer is not None and not job.cancelled:
            self._outgoing.put(answer)
        with self._lock:
            self._jobs.pop(number, None)
            if self._ending and not self._jobs:
                self._outgoing.put(None)


def abort(number: int, code: grpc.StatusCode, detail: str, *, refused: bool = False) -> pb.RawFrame:
    """Make the frame that says that there is no answer."""
    return pb.RawFrame(id=number, abort=pb.Abort(code=code.value[0], detail=detail, refused=refused))


def refusal(number: int, code: grpc.StatusCode, detail: str) -> pb.RawFrame:
    """Make the frame that says that nothing was begun."""
    return abort(number, code, detail, refused=True)


def _size(frame: pb.RawFrame) -> int:
    return len(frame.response) + 64
