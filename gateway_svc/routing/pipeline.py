"""The pipeline in front of Django, as plain ASGI.

limits → request id and trace → CORS → route → authenticate → rate limit → pick and call → headers back → log, metrics

Most requests are there as a whole, come from a known user, and have nothing to wait for but their answer: `take` serves
those without a task, which takes a sixth of the CPU time off them. It leaves to `__call__` whatever is otherwise.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import structlog

from gateway_svc.routing.answers import Answer, problem, whole
from gateway_svc.routing.authentication import Authenticator
from gateway_svc.routing.cors import METHODS, Cors
from gateway_svc.routing.course import Course
from gateway_svc.routing.errors import BadHost, InvalidToken, LengthRequired, MethodNotAllowed, RateLimited
from gateway_svc.routing.head import Heads
from gateway_svc.routing.leaving import Departure
from gateway_svc.routing.observation import Observer
from gateway_svc.routing.policies import Policies, Policy
from gateway_svc.routing.rates import Limits
from gateway_svc.routing.table import OWN_SERVICE, RouteTable
from gateway_svc.routing.upstream import Upstream
from gateway_svc.routing.visit import Visit
from libs.contracts.errors import PayloadTooLarge, ServiceError
from libs.identity.principal import Call, Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.alarms import Alarms
from libs.rpc.asgi import (
    MAX_BODY,
    Disconnected,
    Receive,
    Scope,
    Send,
    check_declared_length,
    read_body,
    refuse_websocket,
    stream_body,
)
from libs.rpc.dispatcher import BODYLESS, Dispatcher
from libs.rpc.http_answer import AnswerCycle
from libs.rpc.paths import check_path
from libs.rpc.problem import InternalError
from libs.rpc.status import NoAnswer
from libs.telemetry import context

log = structlog.get_logger(__name__)

CARRIED = frozenset(METHODS.decode().split(", "))
NOSNIFF = (b"x-content-type-options", b"nosniff")


class Pipeline:
    """The ASGI application that takes clients' requests to services and back."""

    def __init__(
        self,
        *,
        table: RouteTable,
        policies: Policies,
        authenticator: Authenticator,
        upstream: Upstream,
        pages: Dispatcher,
        cors: Cors,
        heads: Heads,
        limits: Limits,
    ) -> None:
        """Join the steps; `pages` serves the gateway's own."""
        self._table = table
        self._policies = policies
        self._authenticator = authenticator
        self._upstream = upstream
        self._pages = pages
        self._cors = cors
        self._heads = heads
        self._limits = limits
        self._without_origin = cors.headers([])
        self._alarms = Alarms()
        self._observer = Observer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP; refuse web sockets, which nobody here offers."""
        if scope["type"] != "http":
            await refuse_websocket(scope, send)
            return
        visit = Visit(scope, self._heads.of(scope))
        await self.serve(visit, receive, send, lambda departure: self._outcome(visit, receive, departure))

    def take(self, cycle: AnswerCycle) -> bool:
        """Serve a request that is there as a whole, unless something but its answer has to be waited for."""
        if cycle.scope["method"] == "OPTIONS":
            return False
        visit = Visit(cast("Scope", cycle.scope), self._heads.of(cast("Scope", cycle.scope)))
        course = Course(self, self._upstream, self._observer, visit, cycle)
        try:
            self._check(visit)
            route = self._table.find(visit.path)
            if route.service == OWN_SERVICE:
                return False
            visit.route, visit.service = route.prefix, route.service
            if visit.head.token is not None and not self._knows(visit, visit.head.token):
                return False
            policy = self._policies.of(visit.service)
            decision = self._limits.try_take(*_who(visit, policy))
            if decision is None:
                return False
            visit.rate_headers = decision.headers
            _check_size(len(cycle.body), policy)
            course.begin(self._upstream.open(visit, visit.to_request(bytes(cycle.body)), policy))
        except ServiceError as error:
            if isinstance(error, RateLimited):
                visit.rate_headers = error.headers
            course.refuse(problem(visit, error))
        except Exception:
            log.exception("unhandled exception", path=visit.path)
            course.refuse(problem(visit, InternalError()))
        return True

    async def serve(
        self, visit: Visit, receive: Receive, send: Send, outcome: Callable[[Departure], Awaitable[Answer]]
    ) -> None:
        """Send what `outcome` gives or raises, as long as the client is there, and tell of it."""
        trace = visit.trace.parent
        context.bind(request_id=visit.request_id, trace_id=trace.trace_id, span_id=trace.span_id)
        status = 499
        try:
            with Departure(receive, self._alarms) as departure:
                answer = await self._answer(visit, outcome(departure))
                try:
                    await self._send(visit, answer, send, departure)
                finally:
                    answer.close()
                status = answer.status
        except Disconnected:
            pass
        finally:
            self._observer.note(visit, status)

    @staticmethod
    async def _answer(visit: Visit, outcome: Awaitable[Answer]) -> Answer:
        try:
            return await outcome
        except Disconnected:
            raise
        except ServiceError as error:
            return problem(visit, error)
        except Exception:
            log.exception("unhandled exception", path=visit.path)
            return problem(visit, InternalError())

    async def _outcome(self, visit: Visit, receive: Receive, departure: Departure) -> Answer:
        self._check(visit)
        if visit.method == "OPTIONS" and self._cors.is_preflight(visit.method, visit.headers):
            return Answer(204, self._cors.preflight_headers(visit.headers))
        if visit.method == "OPTIONS" and not visit.names.get(b"max-forwards", b"1").strip(b"0"):
            return Answer(204, [(b"allow", METHODS)])  # RFC 9110 § 7.6.2: it is meant for this hop
        route = self._table.find(visit.path)
        visit.route, visit.service = route.prefix, route.service
        if route.service == OWN_SERVICE:
            await self._limit(visit, self._policies.of(OWN_SERVICE))
            check_declared_length(visit.scope)
            own = pb.Request.FromString(visit.to_request(await read_body(receive)))
            return whole(await asyncio.wrap_future(self._pages.submit(own, Call(request_id=visit.request_id))))
        if visit.head.token is not None:
            await self._authenticate(visit, visit.head.token)
        policy = self._policies.of(visit.service)
        await self._limit(visit, policy)
        length = visit.head.content_length
        _check_size(length, policy)
        body: AsyncIterator[bytes] | None = None
        if length > MAX_BODY:
            request, body = visit.to_request(b"", length), _upload(receive, departure)
        else:
            request = visit.to_request(await self._read(receive, policy.max_body) if visit.head.has_body else b"")
            departure.watch()
        return await self._upstream.call(visit, request, policy, body)

    @staticmethod
    async def _read(receive: Receive, max_body: int) -> bytes:
        try:
            return await read_body(receive, min(MAX_BODY, max_body))
        except PayloadTooLarge:
            if max_body > MAX_BODY:  # what is passed on in chunks has a length that services can rely on
                raise LengthRequired from None
            raise

    async def _authenticate(self, visit: Visit, token: str) -> None:
        """Find out who the user is. A bad token makes the request anonymous: only the service knows what is public."""
        try:
            if not self._knows(visit, token):
                visit.principal = await self._authenticator.principal(token)
        except InvalidToken as error:
            visit.token_error = error.detail

    def _knows(self, visit: Visit, token: str) -> bool:
        """Find out who the user is where that takes no asking."""
        try:
            visit.principal = self._authenticator.known(token)
        except InvalidToken as error:
            visit.token_error = error.detail
            return True
        return visit.principal is not None

    async def _limit(self, visit: Visit, policy: Policy) -> None:
        """Count the request for its user, token or address; RateLimited where that was one too many."""
        who = _who(visit, policy)
        try:
            decision = self._limits.try_take(*who) or await self._limits.take(*who)
        except RateLimited as refused:
            visit.rate_headers = refused.headers
            raise
        visit.rate_headers = decision.headers

    def _check(self, visit: Visit) -> None:
        """Refuse what no service shall see."""
        if visit.method not in CARRIED:
            raise MethodNotAllowed
        check_path(visit.scope["raw_path"])
        if visit.head.host is None:
            raise BadHost

    async def _send(self, visit: Visit, answer: Answer, send: Send, departure: Departure) -> None:
        """Send an answer; a body that breaks off ends the connection, so that nobody takes it for whole."""
        bodyless = visit.method == "HEAD" or answer.status in BODYLESS
        await send({"type": "http.response.start", "status": answer.status, "headers": self.headers(visit, answer)})
        if answer.chunks is None or bodyless:
            await send({"type": "http.response.body", "body": b"" if bodyless else answer.body})
            return
        departure.hurry()
        try:
            async for chunk in answer.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except (NoAnswer, TimeoutError) as failure:
            log.warning("an answer broke off", upstream=visit.instance, error=str(failure))
            raise Disconnected from None  # without an end of the body, the server closes the connection
        await send({"type": "http.response.body", "body": b""})

    def headers(self, visit: Visit, answer: Answer) -> list[tuple[bytes, bytes]]:
        """Give the headers of an answer as clients get them."""
        length, kept = None, []
        for item in answer.headers:
            if item[0] == b"content-length":
                length = item[1]
            else:
                kept.append(item)
        if answer.status not in BODYLESS:
            if answer.chunks is None and visit.method != "HEAD":
                length = b"%d" % len(answer.body)
            if length is not None:
                kept.append((b"content-length", length))
        kept += [(b"x-request-id", visit.request_id.encode()), NOSNIFF, *visit.rate_headers]
        kept += self._cors.headers(visit.headers) if b"origin" in visit.names else self._without_origin
        return kept


async def _upload(receive: Receive, departure: Departure) -> AsyncIterator[bytes]:
    """Give a body as it comes. An answer may begin before it ends; only behind it, nothing else is to come."""
    async for chunk in stream_body(receive):
        yield chunk
    departure.watch()


def _who(visit: Visit, policy: Policy) -> tuple[str, Policy, Principal | None, str]:
    return visit.service, policy, visit.principal, visit.head.origin.client_ip


def _check_size(size: int, policy: Policy) -> None:
    if size > policy.max_body:
        raise PayloadTooLarge(f"a body has at most {policy.max_body} bytes")
