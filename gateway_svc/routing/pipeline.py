"""The pipeline in front of Django, as plain ASGI.

limits → request id and trace → CORS → route → authenticate → pick and call → headers back → access log and metrics
"""

import asyncio

import structlog

from gateway_svc.routing import headers
from gateway_svc.routing.authentication import Authenticator
from gateway_svc.routing.cors import METHODS, Cors
from gateway_svc.routing.errors import InvalidToken, MethodNotAllowed
from gateway_svc.routing.forwarding import TrustedProxies
from gateway_svc.routing.observation import observe
from gateway_svc.routing.table import OWN_SERVICE, RouteTable
from gateway_svc.routing.upstream import Upstream
from gateway_svc.routing.visit import Visit
from libs.contracts.errors import ServiceError
from libs.identity.principal import Call
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.asgi import (
    Disconnected,
    Receive,
    Scope,
    Send,
    check_declared_length,
    read_body,
    refuse_websocket,
    send_response,
)
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.messages import from_headers, to_headers
from libs.rpc.paths import check_path
from libs.rpc.problem import InternalError, problem_response
from libs.telemetry import context

log = structlog.get_logger(__name__)

CARRIED = frozenset(METHODS.decode().split(", "))


class Pipeline:
    """The ASGI application that takes clients' requests to services and back."""

    def __init__(
        self,
        *,
        name: str,
        table: RouteTable,
        authenticator: Authenticator,
        upstream: Upstream,
        pages: Dispatcher,
        cors: Cors,
        proxies: TrustedProxies,
    ) -> None:
        """Join the steps; `name` is this gateway's in Via, `pages` serves its own."""
        self._name = name
        self._table = table
        self._authenticator = authenticator
        self._upstream = upstream
        self._pages = pages
        self._cors = cors
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP; refuse web sockets, which nobody here offers."""
        if scope["type"] != "http":
            await refuse_websocket(scope, send)
            return
        visit = Visit.of(scope, self._proxies)
        trace = visit.trace.parent
        with context.bound(request_id=visit.request_id, trace_id=trace.trace_id, span_id=trace.span_id):
            try:
                answer = await self._answer(visit, receive)
            except Disconnected:
                observe(visit, 499)
                return
            await send_response(send, answer, visit.method, self._added(visit))
            observe(visit, answer.status)

    async def _answer(self, visit: Visit, receive: Receive) -> pb.Response:
        try:
            return await self._outcome(visit, receive)
        except Disconnected:
            raise
        except ServiceError as error:
            return _problem(visit, error)
        except Exception:
            log.exception("unhandled exception", path=visit.path)
            return _problem(visit, InternalError())

    async def _outcome(self, visit: Visit, receive: Receive) -> pb.Response:
        self._check(visit)
        if self._cors.is_preflight(visit.method, visit.headers):
            return pb.Response(status=204, headers=to_headers(self._cors.preflight_headers(visit.headers)))
        route = self._table.find(visit.path)
        visit.route, visit.service = route.prefix, route.service
        if route.service != OWN_SERVICE:
            await self._authenticate(visit)
        request = visit.to_request(await read_body(receive), self._name)
        if route.service == OWN_SERVICE:
            return await asyncio.wrap_future(self._pages.submit(request, Call(request_id=visit.request_id)))
        answer = await self._upstream.call(visit, request)
        passing = to_headers(list(headers.outbound(from_headers(answer.headers))))
        return pb.Response(status=answer.status, headers=passing, body=answer.body)

    async def _authenticate(self, visit: Visit) -> None:
        """Find out who the user is. A bad token makes the request anonymous: only the service knows what is public."""
        try:
            visit.principal = await self._authenticator.principal(visit.headers)
        except InvalidToken as error:
            visit.token_error = error.detail

    def _check(self, visit: Visit) -> None:
        """Refuse what no service shall see."""
        if visit.method not in CARRIED:
            raise MethodNotAllowed
        check_path(visit.scope["raw_path"])
        visit.host()
        check_declared_length(visit.scope)

    def _added(self, visit: Visit) -> list[tuple[bytes, bytes]]:
        return [
            (b"x-request-id", visit.request_id.encode()),
            (b"x-content-type-options", b"nosniff"),
            *self._cors.headers(visit.headers),
        ]


def _problem(visit: Visit, error: ServiceError) -> pb.Response:
    answer = problem_response(error, request_id=visit.request_id, instance=visit.path)
    if isinstance(error, MethodNotAllowed):
        answer.headers.append(pb.Header(name="allow", value=METHODS))
    return answer
