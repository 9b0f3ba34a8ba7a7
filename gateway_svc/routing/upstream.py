"""The call of a service: pick an instance, send with a deadline, and try another one where that is allowed.

Sent again, within the service's retry budget and its deadline, is
- what no instance has begun (no connection, or refused by a full or stopping one), whatever its method;
- what may have been begun, only if its method is idempotent (RFC 9110 § 9.2.2) or it carries an Idempotency-Key.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Protocol

import grpc
import structlog

from gateway_svc.routing import envelope, observation
from gateway_svc.routing.answers import Answer
from gateway_svc.routing.errors import BadAnswer, CircuitOpen, Overloaded
from gateway_svc.routing.policies import Policy
from gateway_svc.routing.resilience import Breaker, Ejections, RetryBudget
from gateway_svc.routing.visit import Visit
from libs.contracts.errors import DeadlineExceeded, ServiceError, Unavailable
from libs.discovery import Directory, Instance, NoInstance
from libs.discovery.client import IDEMPOTENT
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.asgi import Disconnected
from libs.rpc.exchange import MIN_SECONDS
from libs.rpc.multiplexer import Deliver, Outcome, Transfer
from libs.rpc.status import NoAnswer, refusal_of, unavailable

log = structlog.get_logger(__name__)

#: The first attempt and two more.
MAX_ATTEMPTS = 3

#: A body may pause for so long; event streams say something every 15 s (seconds).
IDLE_SECONDS = 60.0


class Client(Protocol):
    """What is needed of `libs.rpc.multiplexer.Multiplexer`."""

    async def ask(self, target: str, audience: str, request: bytes, timeout: float) -> pb.Response | str:  # noqa: ASYNC109
        """Send a serialized Request to an instance; a text is the token of an answer to collect."""

    def send(
        self, target: str, audience: str, request: bytes, timeout: float, deliver: Deliver
    ) -> Callable[[], None] | None:
        """Send it, and have what `ask` would give delivered; give what takes it back, None where only `ask` works."""

    async def transfer(
        self, target: str, audience: str, opening: pb.Part, body: AsyncIterator[bytes] | None = None
    ) -> Transfer:
        """Begin a transfer."""


@dataclass(slots=True)
class Record:
    """What this process has seen of one instance. `average`: of the seconds it took, newer ones count more."""

    incarnation: str = ""
    in_flight: int = 0
    requests: int = 0
    failures: int = 0
    average: float = 0.0

    def end(self, seconds: float, *, answered: bool) -> None:
        """Note the end of an attempt."""
        self.in_flight -= 1
        self.requests += 1
        self.failures += not answered
        if answered:
            self.average += (seconds - self.average) * (0.1 if self.average else 1.0)


@dataclass
class Service:
    """What this process knows of one service."""

    in_flight: int = 0
    budget: RetryBudget = field(default_factory=lambda: RetryBudget(time.monotonic))
    breaker: Breaker = field(default_factory=lambda: Breaker(time.monotonic))
    ejections: Ejections = field(default_factory=lambda: Ejections(time.monotonic))
    records: dict[str, Record] = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """One request on its way: to be answered by `deadline` (monotonic); `may_repeat`: also when it was begun."""

    service: Service
    visit: Visit
    request: bytes
    deadline: float
    body: AsyncIterator[bytes] | None
    may_repeat: bool


@dataclass(slots=True)
class Attempt:
    """A call sent to one instance, at `began` (monotonic). `seconds` are left for the answer."""

    instance: Instance
    record: Record
    began: float
    seconds: float


class Upstream:
    """Calls services for visits: `call` does it all.

    Who has no task to wait in does it in steps: `open`, `begin`, `send`, and `answered` once the answer is there;
    `finish` does the rest, whatever has been done before.
    """

    def __init__(self, directory: Directory, client: Client) -> None:
        """Choose instances of `directory` and send by `client`."""
        self._directory = directory
        self._client = client
        self.services: dict[str, Service] = {}
        directory.on_change(self._forget_gone)

    async def call(
        self, visit: Visit, request: bytes, policy: Policy, body: AsyncIterator[bytes] | None = None
    ) -> Answer:
        """Give the service's answer; 502, 503 and 504 as ServiceErrors where there is none.

        `request` is a serialized Request; `body` is that of a request too large for its envelope; it can be sent once.
        """
        return await self.finish(self.open(visit, request, policy, body))

    def open(self, visit: Visit, request: bytes, policy: Policy, body: AsyncIterator[bytes] | None = None) -> Call:
        """Begin a call; ServiceError where it is refused at once. It is ended by `answered`, `finish` or `close`."""
        service = self.services.get(visit.service)
        if service is None:
            service = self.services[visit.service] = Service()
        may_repeat = body is None and (visit.method in IDEMPOTENT or bool(visit.names.get(b"idempotency-key")))
        call = Call(service, visit, request, visit.deadline(policy.timeout), body, may_repeat)
        self._admit(service, visit, policy)
        service.in_flight += 1
        service.budget.note()
        return call

    def send(self, call: Call, attempt: Attempt, deliver: Deliver) -> Callable[[], None] | None:
        """Send the request of an attempt that has begun, as `Client.send` says."""
        instance = attempt.instance
        return self._client.send(instance.grpc_address, call.visit.service, call.request, attempt.seconds, deliver)

    def answered(self, call: Call, attempt: Attempt, response: pb.Response) -> Answer:
        """End a call with its answer; BadAnswer where that is none."""
        try:
            answer = Answer(response.status, _valid(response, call.visit), response.body)
        except Exception as error:
            self._end(call, attempt, "left", reached=True)
            self.close(call, error)
            raise
        self._end(call, attempt, "answered", reached=True)
        self.close(call, None)
        return answer

    def left(self, call: Call, attempt: Attempt) -> None:
        """End a call whose client has left."""
        self._end(call, attempt, "left", reached=True)
        self.close(call, Disconnected())

    async def finish(self, call: Call, attempt: Attempt | None = None, outcome: Outcome | None = None) -> Answer:
        """Give the answer to a call that is open: an `attempt` may have begun, and have had its `outcome`."""
        try:
            answer = await self._attempts(call, attempt, outcome)
        except BaseException as error:
            self.close(call, error)
            raise
        self.close(call, None)
        return answer

    def close(self, call: Call, error: BaseException | None) -> None:
        """End a call, and tell the breaker how."""
        call.service.in_flight -= 1
        if error is None:
            call.service.breaker.answered()
        elif not isinstance(error, ServiceError) or not self._note(call, error):
            call.service.breaker.undecided()

    def _admit(self, service: Service, visit: Visit, policy: Policy) -> None:
        """Refuse at once what would only wait."""
        if service.in_flight >= policy.max_in_flight:
            raise Overloaded(f"{visit.service} has too much to do", retry_after=1, extra=_extra(visit, retryable=True))
        wait = service.breaker.wait()
        if wait:
            retry_after = max(1, round(wait))
            raise CircuitOpen(retry_after=retry_after, extra=_extra(visit, retryable=True))

    @staticmethod
    def _note(call: Call, error: ServiceError) -> bool:
        """Tell the breaker of a call without an answer, where an instance was asked; tell whether it counted."""
        if not call.visit.instance or call.visit.shortened or isinstance(error, BadAnswer):
            return False
        if call.service.breaker.failed():
            log.warning("circuit opened", upstream_service=call.visit.service, reason=error.detail)
            observation.BREAKERS.labels(call.visit.service).inc()
        return True

    async def _attempts(self, call: Call, attempt: Attempt | None, outcome: Outcome | None) -> Answer:
        tried: set[str] = set()
        while True:
            try:
                attempt = attempt or self.begin(call, tried)
                return await self._attempt(call, attempt, outcome)
            except NoAnswer as failure:
                tried.add(call.visit.instance)
                if not self._may_try_another(call, failure, tried):
                    raise _error(failure, call) from failure
            attempt = outcome = None
            call.request += pb.Request(attempt=call.visit.attempts).SerializeToString()  # the last one counts

    def _may_try_another(self, call: Call, failure: NoAnswer, tried: AbstractSet[str]) -> bool:
        if call.body is not None or not (failure.refused or call.may_repeat) or not _is_passing(failure):
            return False
        if len(tried) >= MAX_ATTEMPTS or not self._has_another(call, tried):
            return False
        if call.service.budget.spend():
            return True
        observation.BUDGET_SPENT.labels(call.visit.service).inc()
        return False

    def _pick(self, call: Call, tried: AbstractSet[str]) -> Instance:
        """Choose by load; one that is ejected only where there is no other."""
        name, ejected = call.visit.service, call.service.ejections.ejected()
        try:
            return self._directory.pick(name, strategy="least_load", exclude=tried | ejected if ejected else tried)
        except NoInstance as error:
            if not ejected - tried:
                raise unavailable(name) from error
        try:
            return self._directory.pick(name, strategy="least_load", exclude=tried)
        except NoInstance as error:
            raise unavailable(name) from error

    def _has_another(self, call: Call, tried: AbstractSet[str]) -> bool:
        try:
            return bool(self._pick(call, tried))
        except Unavailable:
            return False

    def begin(self, call: Call, tried: AbstractSet[str] = frozenset()) -> Attempt:
        """Begin an attempt at an instance that was not tried; ServiceError or NoAnswer where that can't be."""
        service, visit = call.service, call.visit
        instance = self._pick(call, tried)
        visit.instance = instance.id
        began = time.monotonic()
        if call.deadline - began < MIN_SECONDS:
            raise NoAnswer(grpc.StatusCode.DEADLINE_EXCEEDED, "no time left")
        visit.attempts += 1
        record = service.records.get(instance.id)
        if record is None:
            record = service.records[instance.id] = Record(instance.incarnation)
        record.in_flight += 1
        self._directory.begin(instance)
        return Attempt(instance, record, began, call.deadline - began)

    def _end(self, call: Call, attempt: Attempt, outcome: str, *, reached: bool) -> None:
        instance = attempt.instance
        answered = outcome == "answered"
        self._directory.end(instance, ok=reached)
        seconds = time.monotonic() - attempt.began
        attempt.record.end(seconds, answered=answered)
        observation.attempt(call.visit.service, instance.id, outcome, seconds)
        if answered:
            call.service.ejections.succeeded(instance.id)

    async def _attempt(self, call: Call, attempt: Attempt, outcome: Outcome | None) -> Answer:
        reached, word = True, "left"
        try:
            if call.body is not None:
                opening = pb.Part(request=pb.Request.FromString(call.request))
                answer = await self._transfer(call, attempt.instance, opening, attempt.seconds)
            else:
                answer = await self._ask(call, attempt, outcome)
            word = "answered"
        except NoAnswer as failure:
            word = failure.code.name.lower()
            reached = failure.code is not grpc.StatusCode.UNAVAILABLE
            self._note_failure(call, attempt.instance, failure)
            raise
        finally:
            self._end(call, attempt, word, reached=reached)
        return answer

    async def _ask(self, call: Call, attempt: Attempt, outcome: Outcome | None) -> Answer:
        instance, seconds = attempt.instance, attempt.seconds
        if outcome is None or (isinstance(outcome, NoAnswer) and outcome.code is grpc.StatusCode.UNIMPLEMENTED):
            outcome = await self._client.ask(instance.grpc_address, call.visit.service, call.request, seconds)
        if isinstance(outcome, NoAnswer):
            raise outcome
        if isinstance(outcome, str):
            return await self._transfer(call, instance, pb.Part(collect=outcome), seconds)
        return Answer(outcome.status, _valid(outcome, call.visit), outcome.body)

    async def _transfer(self, call: Call, instance: Instance, opening: pb.Part, seconds: float) -> Answer:
        """Exchange bodies in pieces. The service's time begins anew with each piece of the request that it takes."""
        patience = _Patience(seconds)
        body = patience.prolonged_by(call.body) if call.body is not None else None
        transfer: Transfer | None = None
        try:
            async with patience.limit:
                transfer = await self._client.transfer(instance.grpc_address, call.visit.service, opening, body)
                head = await transfer.head()
                patience.is_over = True
            headers = _valid(head, call.visit)
        except BaseException as error:
            if transfer is not None:
                transfer.cancel()
            if isinstance(error, TimeoutError):
                raise NoAnswer(grpc.StatusCode.DEADLINE_EXCEEDED, "no head in time") from None
            raise
        return Answer(head.status, headers, chunks=_chunks(transfer), close=transfer.cancel)

    @staticmethod
    def _note_failure(call: Call, instance: Instance, failure: NoAnswer) -> None:
        log.warning(
            "no answer", upstream=instance.id, address=instance.grpc_address, code=failure.code.name,
            detail=failure.detail, refused=failure.refused,
        )  # fmt: skip
        if failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED or call.visit.shortened:
            return  # it is well and busy, or the client gave it too little time
        if call.service.ejections.failed(instance.id):
            seconds = call.service.ejections.seconds_left(instance.id)
            observation.EJECTIONS.labels(call.visit.service, instance.id).inc()
            log.warning("instance ejected", upstream=instance.id, seconds=round(seconds))

    def _forget_gone(self, name: str) -> None:
        """Forget who is gone, and who was started again: what bears its id now is another process."""
        service = self.services.get(name)
        if service is not None:
            present = {instance.id: instance.incarnation for instance in self._directory.instances(name)}
            records = list(service.records.items())
            gone = {instance_id for instance_id, record in records if present.get(instance_id) != record.incarnation}
            service.ejections.keep(present.keys() - gone)
            for instance_id in gone:
                del service.records[instance_id]


class _Patience:
    """The time until a head must be there, which each piece of the request's body begins anew."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.limit = asyncio.timeout(seconds)
        self.is_over = False

    async def prolonged_by(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in body:
            yield piece
            if not self.is_over and not self.limit.expired():
                self.limit.reschedule(asyncio.get_running_loop().time() + self._seconds)


async def _chunks(transfer: Transfer) -> AsyncIterator[bytes]:
    chunks = transfer.chunks()
    while True:
        async with asyncio.timeout(IDLE_SECONDS):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk


def _is_passing(failure: NoAnswer) -> bool:
    """Tell whether another instance may do better."""
    return failure.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


def _error(failure: NoAnswer, call: Call) -> ServiceError:
    error = refusal_of(failure.code, failure.detail, call.visit.service)
    if isinstance(error, Unavailable):
        error.extra["retryable"] = failure.refused or call.may_repeat
    elif isinstance(error, DeadlineExceeded) and call.visit.shortened:
        error.detail = f"{call.visit.service} did not answer within X-Request-Timeout"
    return error


def _extra(visit: Visit, *, retryable: bool) -> dict[str, object]:
    return {"service": visit.service, "retryable": retryable}


def _valid(response: pb.Response, visit: Visit) -> list[tuple[bytes, bytes]]:
    """Give the headers that may pass; BadAnswer where status or headers are not valid HTTP."""
    kept = envelope.returning(response.headers) if 200 <= response.status <= 599 else None
    if kept is None:
        raise BadAnswer(f"{visit.service} gave no valid answer", extra=_extra(visit, retryable=False))
    return kept
