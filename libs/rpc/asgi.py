"""An HTTP door onto the dispatcher: plain HTTP for the Registry's API and the gateway's own pages."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from libs.contracts.errors import NotFound, PayloadTooLarge, ServiceError
from libs.identity.principal import Call
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.dispatcher import BODYLESS, Dispatcher
from libs.rpc.messages import RawHeaders, from_headers, new_request_id, to_headers
from libs.rpc.paths import check_path
from libs.rpc.problem import InternalError, problem_response

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Says who makes a request, by its headers; raises the ServiceError to refuse with.
Identify = Callable[[RawHeaders], Call]

MAX_BODY = 1024 * 1024


class Disconnected(Exception):
    """The client left before its request was complete."""


class HttpDoor:
    """An ASGI application that carries plain HTTP through a Dispatcher."""

    def __init__(self, dispatcher: Dispatcher, identify: Identify, max_body: int = MAX_BODY) -> None:
        """Ask `identify` who calls; bodies above `max_body` bytes are 413."""
        self._dispatcher = dispatcher
        self._identify = identify
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP; follow the lifespan; refuse web sockets."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            await refuse_websocket(scope, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(request_id=new_request_id())
        try:
            call = complete(self._identify(scope["headers"]), call.request_id, scope)
            check_path(scope["raw_path"])
            check_declared_length(scope, self._max_body)
            request = to_request(scope, await read_body(receive, self._max_body), call)
            answer = await asyncio.wrap_future(self._dispatcher.submit(request, call))
        except Disconnected:
            return
        except ServiceError as error:
            answer = problem_response(error, request_id=call.request_id, instance=scope["path"])
        except Exception:
            log.exception("unhandled exception", path=scope["path"], request_id=call.request_id)
            answer = problem_response(InternalError(), request_id=call.request_id, instance=scope["path"])
        extra = [(b"x-request-id", call.request_id.encode()), (b"x-content-type-options", b"nosniff")]
        await send_response(send, answer, scope["method"], extra)


def complete(call: Call, request_id: str, scope: Scope) -> Call:
    """Fill in what `identify` left open: the request id and the client's address."""
    client = scope.get("client")
    return dataclasses.replace(
        call,
        request_id=call.request_id or request_id,
        client_ip=call.client_ip or (client[0] if client else ""),
    )


def check_declared_length(scope: Scope, limit: int = MAX_BODY) -> None:
    """Raise PayloadTooLarge where Content-Length already says so."""
    if int(dict(scope["headers"]).get(b"content-length", b"0")) > limit:
        raise PayloadTooLarge(f"a body has at most {limit} bytes")


async def stream_body(receive: Receive) -> AsyncIterator[bytes]:
    """Give the body as it comes; Disconnected where the client leaves."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


async def read_body(receive: Receive, limit: int = MAX_BODY) -> bytes:
    """Read the whole body; PayloadTooLarge as soon as it exceeds `limit`, Disconnected where the client leaves."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise PayloadTooLarge(f"a body has at most {limit} bytes")
        more = message.get("more_body", False)
    return b"".join(parts)


def to_request(scope: Scope, body: bytes, call: Call) -> pb.Request:
    """Make the envelope of an ASGI request."""
    authority = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return pb.Request(
        method=scope["method"],
        raw_path=scope["raw_path"],
        query=scope["query_string"],
        scheme=scope["scheme"],
        authority=authority,
        headers=to_headers(scope["headers"]),
        body=body,
        client_ip=call.client_ip,
        request_id=call.request_id,
    )


async def send_response(send: Send, answer: pb.Response, method: str, extra: RawHeaders) -> None:
    """Send an answer, its length set from its body; `extra` headers replace the answer's own, only Vary adds to it."""
    headers = [*_kept(answer, method, {name for name, _ in extra} - {b"vary"}), *extra]
    if answer.status not in BODYLESS and b"content-length" not in dict(headers):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    body = b"" if method == "HEAD" or answer.status in BODYLESS else answer.body
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def refuse_websocket(scope: Scope, send: Send) -> None:
    """Refuse a WebSocket handshake with a problem document, or a bare 403 where the server can't carry one."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    request_id = new_request_id()
    error = NotFound("there is no WebSocket here", code="no_websocket")
    answer = problem_response(error, request_id=request_id, instance=scope["path"])
    ours = [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]
    headers = [*from_headers(answer.headers), *ours]
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})


def _kept(answer: pb.Response, method: str, replaced: set[bytes]) -> RawHeaders:
    if method != "HEAD" or answer.status in BODYLESS:  # a HEAD keeps the length of the body it does not have
        replaced = replaced | {b"content-length"}
    return [item for item in from_headers(answer.headers) if item[0] not in replaced]


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
