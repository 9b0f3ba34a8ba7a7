"""The call of a service: pick an instance, send with a deadline, and where allowed try another one once."""

import asyncio
from typing import Protocol

import grpc
import structlog

from gateway_svc.routing.errors import BadAnswer
from gateway_svc.routing.headers import are_valid, first
from gateway_svc.routing.visit import Visit
from libs.contracts.errors import Unavailable
from libs.discovery import Directory, Instance, NoInstance
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.messages import from_headers
from libs.rpc.status import code_of, details_of, error_of, unavailable

log = structlog.get_logger(__name__)

#: RFC 9110 § 9.2.2: what a proxy may send again by itself.
IDEMPOTENT = frozenset(("GET", "HEAD", "PUT", "DELETE", "OPTIONS"))


class Client(Protocol):
    """What is needed of `libs.rpc.client.AsyncBridgeClient`."""

    async def handle(self, target: str, audience: str, request: pb.Request, timeout: float) -> pb.Response:  # noqa: ASYNC109  (a gRPC deadline)
        """Send a request to an instance."""


class Upstream:
    """Calls services for visits."""

    def __init__(self, directory: Directory, client: Client, timeout: float) -> None:
        """Give a service `timeout` seconds in all, the second attempt included."""
        self._directory = directory
        self._client = client
        self._timeout = timeout

    async def call(self, visit: Visit, request: pb.Request) -> pb.Response:
        """Give the service's answer; 502, 503 and 504 as ServiceErrors where there is none."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        may_retry = request.method in IDEMPOTENT or bool(first(visit.headers, b"idempotency-key"))
        try:
            return await self._attempt(visit, request, self._pick(visit.service), deadline)
        except Unavailable as error:
            if visit.instance:  # it may have been reached: whether the client may send again depends on the method
                error.extra["retryable"] = may_retry
            other = self._other(visit) if may_retry and visit.instance else None
            if other is None:
                raise
        request.attempt = 1
        return await self._attempt(visit, request, other, deadline)

    def _pick(self, service: str) -> Instance:
        try:
            return self._directory.pick(service, strategy="least_load")
        except NoInstance as error:
            raise unavailable(service) from error

    def _other(self, visit: Visit) -> Instance | None:
        try:
            return self._directory.pick(visit.service, strategy="least_load", exclude={visit.instance})
        except NoInstance:
            return None

    async def _attempt(self, visit: Visit, request: pb.Request, instance: Instance, deadline: float) -> pb.Response:
        visit.instance = instance.id
        visit.attempts += 1
        left = deadline - asyncio.get_running_loop().time()
        reached = True
        self._directory.begin(instance)
        try:
            answer = await self._client.handle(instance.grpc_address, visit.service, request, left)
        except grpc.RpcError as failure:
            error = error_of(failure, visit.service)
            reached = not isinstance(error, Unavailable)
            _log(instance, failure)
            raise error from failure
        finally:
            self._directory.end(instance, ok=reached)
        return _checked(answer, visit.service)


def _log(instance: Instance, failure: grpc.RpcError) -> None:
    code, detail = code_of(failure).name, details_of(failure)
    log.warning("no answer", upstream=instance.id, address=instance.grpc_address, code=code, detail=detail)


def _checked(answer: pb.Response, service: str) -> pb.Response:
    if 200 <= answer.status <= 599 and are_valid(from_headers(answer.headers)):
        return answer
    raise BadAnswer(f"{service} gave no valid answer", extra={"service": service, "retryable": False})
