"""The service's side of an Exchange: one stream of a gateway, on which many requests are under way.

    server's loop   frames in → a job in the dispatcher's pool each
    handler thread  job → answer
    server's loop   answers → one message with whatever is ready

All but a job's work is done by the loop, so nothing here needs a lock. No request is begun with less than 10 ms left.
"""

import time
from collections import deque
from typing import Protocol

import grpc
import structlog

from libs.identity.principal import Call, Caller
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.dispatcher import Dispatcher, Overloaded
from libs.rpc.grpc_server import ServerCall
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

    def forget(self, exchange: "Exchange") -> None:
        """Note that a stream has ended."""


class _Job:
    __slots__ = ("answer", "cancelled", "deadline", "number")

    def __init__(self, number: int, deadline: float) -> None:
        self.number = number
        self.deadline = deadline
        self.cancelled = False
        self.answer: pb.RawFrame | None = None


class Exchange:
    """One stream. A listener of its call."""

    def __init__(self, host: Host, caller: Caller, call: ServerCall) -> None:
        """Answer the frames that `caller` sends by `call`."""
        self._host = host
        self._caller = caller
        self._call = call
        self._jobs: dict[int, _Job] = {}
        self._done: deque[_Job] = deque()  # by handler threads
        self._is_woken = False
        self._outgoing: deque[pb.RawFrame] = deque()
        self._ending = False

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return len(self._jobs)

    def on_message(self, message: bytes) -> None:
        """Begin what a message asks for."""
        for frame in pb.Frames.FromString(message).frames:
            self._take(frame)
        self._send()  # what was refused at once

    def on_half_close(self) -> None:
        """Answer what is under way, and end."""
        self.finish()

    def on_gone(self) -> None:
        """Nobody waits for what is under way."""
        for job in self._jobs.values():
            job.cancelled = True
        self._host.forget(self)

    def on_writable(self) -> None:
        """Go on; what a slow gateway does not take yet waits at the call."""

    def finish(self) -> None:
        """Begin nothing new, and end the stream when all that is under way has been answered."""
        self._ending = True
        self._send()

    def _send(self) -> None:
        """Send what is ready, and the end behind the last answer."""
        while self._outgoing:
            self._call.write(self._next_message())
        if self._ending and not self._jobs:
            self._call.finish()
            self._host.forget(self)

    def _next_message(self) -> bytes:
        frames: list[pb.RawFrame] = []
        size = 0
        while self._outgoing and size < MESSAGE_BYTES:
            frame = self._outgoing.popleft()
            frames.append(frame)
            size += len(frame.response) + 64
        return pb.RawFrames(frames=frames).SerializeToString()

    def _take(self, frame: pb.Frame) -> None:
        kind = frame.WhichOneof("kind")
        if kind == "request":
            self._begin(frame)
        elif kind == "cancel":
            job = self._jobs.get(frame.id)
            if job is not None:
                job.cancelled = True

    def _begin(self, frame: pb.Frame) -> None:
        if self._ending or self._host.draining:
            self._outgoing.append(refusal(frame.id, grpc.StatusCode.UNAVAILABLE, "the instance is stopping"))
            return
        job = _Job(frame.id, time.monotonic() + frame.deadline_ms / 1000)
        try:
            call = call_of(frame.request, self._caller)
            parked = self._host.prepare(frame.request, call)
            if parked is None:
                self._host.dispatcher.run(lambda: self._work(frame, call, job))
                self._jobs[frame.id] = job
            else:
                self._outgoing.append(pb.RawFrame(id=frame.id, parked=pb.Parked(token=parked)))
        except Overloaded as error:
            self._outgoing.append(refusal(frame.id, grpc.StatusCode.RESOURCE_EXHAUSTED, error.detail))

    def _work(self, frame: pb.Frame, call: Call, job: _Job) -> None:
        """Answer, on a handler thread."""
        try:
            job.answer = self._answer(frame, call, job)
        except Exception:
            log.exception("the application raised", path=frame.request.raw_path.decode("latin-1"))
            job.answer = abort(frame.id, grpc.StatusCode.INTERNAL, "the application gave no answer")
        self._done.append(job)
        if not self._is_woken:  # one call for all that end before the loop comes to it
            self._is_woken = True
            self._call.soon(self._collect)

    def _answer(self, frame: pb.Frame, call: Call, job: _Job) -> pb.RawFrame | None:
        if job.cancelled:
            return None
        if job.deadline - time.monotonic() < MIN_SECONDS:
            return refusal(frame.id, grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed")
        answer = self._host.answer(frame.request, call)
        if isinstance(answer, str):
            return pb.RawFrame(id=frame.id, parked=pb.Parked(token=answer))
        return pb.RawFrame(id=frame.id, response=answer.SerializeToString())

    def _collect(self) -> None:
        """Take the answers of handler threads."""
        self._is_woken = False  # first: who ends from here on wakes the loop again
        while self._done:
            job = self._done.popleft()
            self._jobs.pop(job.number, None)
            if job.answer is not None and not job.cancelled:
                self._outgoing.append(job.answer)
        self._send()


def abort(number: int, code: grpc.StatusCode, detail: str, *, refused: bool = False) -> pb.RawFrame:
    """Make the frame that says that there is no answer."""
    return pb.RawFrame(id=number, abort=pb.Abort(code=code.value[0], detail=detail, refused=refused))


def refusal(number: int, code: grpc.StatusCode, detail: str) -> pb.RawFrame:
    """Make the frame that says that nothing was begun."""
    return abort(number, code, detail, refused=True)
