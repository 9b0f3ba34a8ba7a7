"""The platform's own HTTP paths as plain ASGI, before Django: /healthz (a status word) and /metrics (with a token)."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from django.conf import settings

from libs.contracts.errors import NotFound, ServiceError
from libs.rpc.http_protocol import Take
from libs.rpc.messages import new_request_id
from libs.rpc.problem import problem_bytes
from libs.service.health import health
from libs.telemetry import metrics
from libs.webapi.problem import MethodNotAllowed

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

METHODS = ("GET", "HEAD")
STATUS_CODES = {"passing": 200, "warning": 429, "critical": 503}


def platform_paths(app: Application, take: Take | None = None) -> Application:
    """Answer /healthz and /metrics, and leave the rest to `app`, and to its `take` before."""

    def with_platform_paths(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        answer = _ANSWERS.get(scope["path"]) if scope["type"] == "http" else None
        if answer is None or (answer is _metrics and not _may_see_metrics(scope)):
            return app(scope, receive, send)
        if scope["method"] in METHODS:
            return answer(send)
        return _refuse(send, MethodNotAllowed(), scope["path"], [(b"allow", ", ".join(METHODS).encode())])

    if take is not None:
        with_platform_paths.take = lambda cycle: cycle.scope["path"] not in _ANSWERS and take(cycle)  # type: ignore[attr-defined]
    return with_platform_paths


def internal_application() -> Application:
    """Make the HTTP door of an internal service: the platform's paths and nothing else."""
    return platform_paths(_nothing)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        await _refuse(send, NotFound(), scope["path"])


async def lifespan(
    receive: Receive,
    send: Send,
    start: Callable[[], Awaitable[None]] | None = None,
    stop: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Speak the ASGI lifespan protocol around `start` and `stop`."""
    await receive()
    if start is not None:
        await start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    if stop is not None:
        await stop()
    await send({"type": "lifespan.shutdown.complete"})


async def _metrics(send: Send) -> None:
    await _respond(send, 200, "text/plain; version=0.0.4; charset=utf-8", metrics.render())


async def _healthz(send: Send) -> None:
    now = await asyncio.to_thread(health)
    await _respond(send, STATUS_CODES[now.status], "application/json", json.dumps({"status": now.status}).encode())


_ANSWERS: dict[str, Callable[[Send], Awaitable[None]]] = {"/healthz": _healthz, "/metrics": _metrics}


def _may_see_metrics(scope: Scope) -> bool:
    given = dict(scope["headers"]).get(b"authorization", b"")
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given, wanted)


async def _refuse(send: Send, error: ServiceError, path: str, extra: Sequence[tuple[bytes, bytes]] = ()) -> None:
    request_id = new_request_id()
    body = problem_bytes(error, request_id=request_id, instance=path)
    await _respond(send, error.status, "application/problem+json", body, request_id=request_id, extra=extra)


async def _respond(
    send: Send,
    status: int,
    content_type: str,
    body: bytes,
    *,
    request_id: str = "",
    extra: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", (request_id or new_request_id()).encode()),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
