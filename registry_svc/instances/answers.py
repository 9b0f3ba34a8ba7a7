"""Errors at the gRPC door: each ServiceError becomes a status with its text, and its code as trailing `mt-code`."""

import functools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

import grpc
import grpc.aio
import structlog

from libs.contracts.errors import ServiceError
from registry_svc.instances.observation import CALLS, REFUSED

log = structlog.get_logger(__name__)

S = TypeVar("S")
Q = TypeVar("Q")
R = TypeVar("R")
Context = grpc.aio.ServicerContext[Any, Any]

STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    502: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
#: A failed health check is no fault of the message.
BY_CODE = {"health_check_failed": grpc.StatusCode.FAILED_PRECONDITION}


def status_of(error: ServiceError) -> grpc.StatusCode:
    """Give the gRPC status of an error."""
    return BY_CODE.get(error.code) or STATUS.get(error.status, grpc.StatusCode.INTERNAL)


async def refuse(context: Context, error: ServiceError) -> None:
    """End the call with the status of `error`."""
    status = status_of(error)
    REFUSED.labels(error.code).inc()
    trailing: list[tuple[str, str | bytes]] = [("mt-code", error.code)]
    if error.errors:
        trailing.append(("mt-errors", json.dumps([asdict(each) for each in error.errors])))
    if error.retry_after is not None:
        trailing.append(("mt-retry-after", str(error.retry_after)))
    await context.abort(status, error.detail, tuple(trailing))


async def fail(context: Context, method: str, error: Exception) -> None:
    """End a call in which something unexpected went wrong."""
    log.error("unhandled exception", method=method, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, "internal error", (("mt-code", "internal_error"),))


def unary(method: Callable[[S, Q, Context], Awaitable[R]]) -> Callable[[S, Q, Context], Awaitable[R]]:
    """Let a method with one answer raise ServiceErrors, and measure it."""

    @functools.wraps(method)
    async def answered(servicer: S, request: Q, context: Context) -> R:
        began, status = time.perf_counter(), "ok"
        try:
            return await method(servicer, request, context)
        except Exception as error:  # noqa: BLE001  (_end refuses or logs it)
            status = status_of(error).name.lower() if isinstance(error, ServiceError) else "internal"
            await _end(context, method.__name__, error)
        finally:
            CALLS.labels(method.__name__, status).observe(time.perf_counter() - began)
        raise AssertionError("abort raises")

    return answered


def stream(method: Callable[[S, Q, Context], AsyncIterator[R]]) -> Callable[[S, Q, Context], AsyncIterator[R]]:
    """Let a method with a stream of answers raise ServiceErrors."""

    @functools.wraps(method)
    async def answered(servicer: S, request: Q, context: Context) -> AsyncIterator[R]:
        try:
            async for message in method(servicer, request, context):
                yield message
        except Exception as error:  # noqa: BLE001  (_end refuses or logs it)
            await _end(context, method.__name__, error)

    return answered


def duplex(method: Callable[[S, Q, Context], Awaitable[None]]) -> Callable[[S, Q, Context], Awaitable[None]]:
    """Let a method that writes its answers itself raise ServiceErrors."""

    @functools.wraps(method)
    async def answered(servicer: S, request: Q, context: Context) -> None:
        try:
            await method(servicer, request, context)
        except Exception as error:  # noqa: BLE001  (_end refuses or logs it)
            await _end(context, method.__name__, error)

    return answered


async def _end(context: Context, method: str, error: Exception) -> None:
    """End a call that raised."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, ServiceError):
        await refuse(context, error)
    await fail(context, method, error)
