"""Health probes: ask an instance how it is, by gRPC health v1, by HTTP or by opening a TCP connection."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import grpc
import grpc.aio
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.discovery.model import HealthStatus, LastCheck, Registration
from registry_svc.instances.records import authority

#: Why there was no answer: nobody there, or not in time. Empty: there was one.
Failure: TypeAlias = Literal["", "unreachable", "timeout"]

_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="registry-http-probe")


@dataclass(frozen=True, slots=True)
class Result:
    """What a probe found."""

    check: LastCheck
    failure: Failure = ""


class NoAnswer(Exception):
    """The instance gave no answer at all."""

    def __init__(self, failure: Failure, detail: str) -> None:
        """Say why."""
        self.failure = failure
        super().__init__(detail)


async def probe(target: Registration) -> Result:
    """Ask an instance how it is, as it wished at its registration. Never raises for what the instance does."""
    ask = _PROBES[target.health.kind or ("grpc" if target.grpc_port else "http")]
    began = time.perf_counter()
    failure: Failure = ""
    status: HealthStatus = "critical"
    try:
        async with asyncio.timeout(target.health.timeout + 0.5):
            status, detail = await ask(target)
    except NoAnswer as error:
        failure, detail = error.failure, str(error)
    except TimeoutError:
        failure, detail = "timeout", "no answer in time"
    latency = (time.perf_counter() - began) * 1000
    return Result(LastCheck(datetime.now(UTC), status, round(latency, 3), detail), failure)


async def _grpc(target: Registration) -> tuple[HealthStatus, str]:
    address = authority(target.host, target.grpc_port)
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=target.health.timeout)
        except grpc.aio.AioRpcError as error:
            late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            raise NoAnswer("timeout" if late else "unreachable", error.details() or error.code().name) from error
    serving = answer.status == health_pb2.HealthCheckResponse.SERVING
    word = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    return ("passing" if serving else "critical"), word.lower()


async def _http(target: Registration) -> tuple[HealthStatus, str]:
    loop = asyncio.get_running_loop()
    status = await loop.run_in_executor(_threads, _http_status, target)
    if 200 <= status < 300:
        return "passing", f"HTTP {status}"
    return ("warning" if status == 429 else "critical"), f"HTTP {status}"


def _http_status(target: Registration) -> int:
    url = f"http://{authority(target.host, target.http_port)}{target.health.path}"
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url, timeout=target.health.timeout, allow_redirects=False).status_code
    except requests.Timeout:
        raise NoAnswer("timeout", "no answer in time") from None
    except requests.RequestException as error:
        raise NoAnswer("unreachable", f"no connection: {type(error).__name__}") from error


async def _tcp(target: Registration) -> tuple[HealthStatus, str]:
    port = target.grpc_port or target.http_port
    try:
        async with asyncio.timeout(target.health.timeout):
            _, writer = await asyncio.open_connection(target.host, port)
    except OSError as error:
        if isinstance(error, TimeoutError):
            raise
        raise NoAnswer("unreachable", error.strerror or "no connection") from error
    writer.close()
    return "passing", "connected"


_PROBES: dict[str, Callable[[Registration], Awaitable[tuple[HealthStatus, str]]]] = {
    "grpc": _grpc,
    "http": _http,
    "tcp": _tcp,
}
