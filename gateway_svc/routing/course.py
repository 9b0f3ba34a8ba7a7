"""Course: a request that the pipeline took without a task, from its sending to its answer.

Whatever goes another way than an answer in one piece (no answer, a parked one, a client that reads slowly) goes on in a
task, through the rest of the pipeline.
"""

from collections.abc import Callable
from typing import Any, Protocol

import structlog

from gateway_svc.routing.answers import Answer, problem
from gateway_svc.routing.leaving import Departure
from gateway_svc.routing.observation import Observer
from gateway_svc.routing.upstream import Attempt, Call, Upstream
from gateway_svc.routing.visit import Visit
from libs.contracts.errors import ServiceError
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.asgi import Disconnected
from libs.rpc.dispatcher import BODYLESS
from libs.rpc.http_answer import AnswerCycle
from libs.rpc.multiplexer import Outcome
from libs.rpc.problem import InternalError
from libs.rpc.status import NoAnswer

log = structlog.get_logger(__name__)


class Serving(Protocol):
    """What is needed of the pipeline."""

    def headers(self, visit: Visit, answer: Answer) -> list[tuple[bytes, bytes]]:
        """Give the headers of an answer as clients get them."""

    async def serve(self, visit: Visit, receive: Any, send: Any, outcome: Any) -> None:
        """Send what `outcome` gives or raises."""


class Course:
    """One request. The client is answered through its cycle."""

    __slots__ = ("_attempt", "_call", "_cycle", "_observer", "_pipeline", "_take_back", "_upstream", "_visit")

    def __init__(
        self, pipeline: Serving, upstream: Upstream, observer: Observer, visit: Visit, cycle: AnswerCycle
    ) -> None:
        """Have the visit answered."""
        self._observer = observer
        self._pipeline = pipeline
        self._upstream = upstream
        self._visit = visit
        self._cycle = cycle
        self._call: Call
        self._attempt: Attempt | None = None
        self._take_back: Callable[[], None] | None = None

    def begin(self, call: Call) -> None:
        """Send a call."""
        self._call = call
        try:
            self._attempt = attempt = self._upstream.begin(call)
            self._take_back = self._upstream.send(call, attempt, self._deliver)
        except NoAnswer as failure:
            self._go_on(failure if self._attempt else None)
        except ServiceError:
            self._go_on(None)
        except Exception:
            self._end()
            raise
        else:
            if self._take_back is None:
                self._go_on(None)
            else:
                self._cycle.on_leave = self._leave

    def refuse(self, answer: Answer) -> None:
        """Answer in a moment: the request is still being read."""
        self._cycle.loop.call_soon(self._send, answer)

    def _deliver(self, outcome: Outcome) -> None:
        self._cycle.on_leave = None
        if not isinstance(outcome, pb.Response) or self._attempt is None or self._cycle.flow.write_paused:
            self._go_on(outcome)
            return
        try:
            answer = self._upstream.answered(self._call, self._attempt, outcome)
        except ServiceError as error:
            answer = problem(self._visit, error)
        except Exception:
            log.exception("unhandled exception", path=self._visit.path)
            answer = problem(self._visit, InternalError())
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        visit, cycle = self._visit, self._cycle
        if cycle.disconnected:
            self._observer.note(visit, 499)
            return
        status = answer.status
        bodyless = visit.method == "HEAD" or status in BODYLESS
        try:
            cycle.answer(status, self._pipeline.headers(visit, answer), b"" if bodyless else answer.body)
        except Exception:
            log.exception("unhandled exception", path=visit.path)
            cycle.transport.close()
            status = 500
        self._observer.note(visit, status)

    def _leave(self) -> None:
        if self._take_back is not None and self._attempt is not None:
            self._take_back()
            self._end()
            self._observer.note(self._visit, 499)

    def _end(self) -> None:
        """End what has begun, without an answer."""
        if self._attempt is None:
            self._upstream.close(self._call, Disconnected())
        else:
            self._upstream.left(self._call, self._attempt)

    def _go_on(self, outcome: Outcome | None) -> None:
        """Let a task do the rest."""

        async def rest(departure: Departure) -> Answer:
            departure.watch()
            return await self._upstream.finish(self._call, self._attempt, outcome)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await self._pipeline.serve(self._visit, receive, send, rest)

        self._cycle.run_in_task(application)
