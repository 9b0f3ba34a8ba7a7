"""The pipeline in front of Django, as plain ASGI.

limits → request id and trace → CORS → route → authenticate → rate limit → pick and call → headers back → log, metrics
"""

import asyncio
from collections.abc import AsyncIterator

import structlog

from gateway_svc.routing.authentication import Authenticator
from gateway_svc.routing.cors import METHODS, Cors
from gateway_svc.routing.errors import BadHost, InvalidToken, LengthRequired, MethodNotAllowed, RateLimited
from gateway_svc.routing.head import Heads
from gateway_svc.routing.leaving import Departure
from gateway_svc.routing.observation import observe
from gateway_svc.routing.policies import Policies, Policy
from gateway_svc.routing.rates import Limits
from gateway_svc.routing.table import OWN_SERVICE, RouteTable
from gateway_svc.routing.upstream import Answer, Upstream
from gateway_svc.routing.visit import Visit
from libs.contracts.errors import PayloadTooLarge, ServiceError
from libs.identity.principal import Call
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
from libs.rpc.messages import from_headers
from libs.rpc.paths import check_path
from libs.rpc.problem import InternalError, problem_response
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP; refuse web sockets, which nobody here offers."""
        if scope["type"] != "http":
            await refuse_websocket(scope, send)
            return
        visit = Visit(scope, self._heads.of(scope))
        trace = visit.trace.parent
        context.bind(request_id=visit.request_id, trace_id=trace.trace_id, span_id=trace.span_id)
        status = 499
        try:
            with Departure(receive, self._alarms) as departure:
                answer = await self._answer(visit, receive, departure)
                try:
                    await self._send(visit, answer, send, departure)
                finally:
                    answer.close()
                status = answer.status
        except Disconnected:
            pass
        finally:
            observe(visit, status)

    async def _answer(self, visit: Visit, receive: Receive, departure: Departure) -> Answer:
        try:
            return await self._outcome(visit, receive, departure)
        except Disconnected:
            raise
        except ServiceError as error:
            return _problem(visit, error)
        except Exception:
            log.exception("unhandled exception", path=visit.path)
            return _problem(visit, InternalError())

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
            return _whole(await asyncio.wrap_future(self._pages.submit(own, Call(request_id=visit.request_id))))
        if visit.head.token is not None:
            await self._authenticate(visit, visit.head.token)
        policy = self._policies.of(visit.service)
        await self._limit(visit, policy)
        length = visit.head.content_length
        if length > policy.max_body:
            raise PayloadTooLarge(f"a body has at most {policy.max_body} bytes")
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
            visit.principal = self._authenticator.known(token) or await self._authenticator.principal(token)
        except InvalidToken as error:
            visit.token_error = error.detail

    async def _limit(self, visit: Visit, policy: Policy) -> None:
        """Count the request for its user, token or address; RateLimited where that was one too many."""
        who = visit.service, policy, visit.principal, visit.head.origin.client_ip
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
        length, kept = None, []
        for item in answer.headers:
            if item[0] == b"content-length":
                length = item[1]
            else:
                kept.append(item)
        if answer.chunks is None and not bodyless:
            length = b"%d" % len(answer.body)
        if length is not None and answer.status not in BODYLESS:
            kept.append((b"content-length", length))
        kept += [(b"x-request-id", visit.request_id.encode()), NOSNIFF, *visit.rate_headers]
        kept += self._cors.headers(visit.headers) if b"origin" in visit.names else self._without_origin
        await send({"type": "http.response.start", "status": answer.status, "headers": kept})
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


async def _upload(receive: Receive, departure: Departure) -> AsyncIterator[bytes]:
    """Give a body as it comes. An answer may begin before it ends; only behind it, nothing else is to come."""
    async for chunk in stream_body(receive):
        yield chunk
    departure.watch()


def _whole(response: pb.Response) -> Answer:
    return Answer(response.status, from_headers(response.headers), response.body)


def _problem(visit: Visit, error: ServiceError) -> Answer:
    answer = _whole(problem_response(error, request_id=visit.request_id, instance=visit.path))
    if isinstance(error, MethodNotAllowed):
        answer.headers.append((b"allow", METHODS))
    return answer
