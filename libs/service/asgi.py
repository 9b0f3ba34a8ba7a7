"""The platform's own HTTP paths as plain ASGI, before Django: /healthz (a status word) and /metrics (with a token)."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from libs.contracts.errors import NotFound
from libs.rpc.problem import problem_bytes
from libs.service.health import health
from libs.telemetry import metrics

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

STATUS_CODES = {"passing": 200, "warning": 429, "critical": 503}


def platform_paths(app: Application) -> Application:
    """Answer /healthz and /metrics, and leave the rest to `app`."""

    async def with_platform_paths(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/healthz":
            await _healthz(send)
        elif scope["type"] == "http" and scope["path"] == "/metrics" and _may_see_metrics(scope):
            await _respond(send, 200, "text/plain; version=0.0.4; charset=utf-8", metrics.render())
        else:
            await app(scope, receive, send)

    return with_platform_paths


def internal_application() -> Application:
    """Make the HTTP door of an internal service: the platform's paths and nothing else."""
    return platform_paths(_nothing)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        body = problem_bytes(NotFound(), request_id="", instance=scope["path"])
        await _respond(send, 404, "application/problem+json", body)


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


async def _healthz(send: Send) -> None:
    now = await asyncio.to_thread(health)
    await _respond(send, STATUS_CODES[now.status], "application/json", json.dumps({"status": now.status}).encode())


def _may_see_metrics(scope: Scope) -> bool:
    given = dict(scope["headers"]).get(b"authorization", b"")
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given, wanted)


async def _respond(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
