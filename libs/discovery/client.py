"""ServiceClient: HTTP requests to another service over the internal protocol, to an instance that discovery picks."""

import json as json_
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

import grpc

from libs.contracts.errors import DeadlineExceeded, Unavailable
from libs.discovery.answers import Answer
from libs.discovery.current import bridge, directory
from libs.discovery.errors import NoInstance
from libs.discovery.model import Instance
from libs.identity.principal import Principal
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.messages import from_principal
from libs.rpc.status import error_of
from libs.telemetry import context

#: Methods that may be sent again (RFC 9110 § 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
DEFAULT_TIMEOUT = 5.0

Params: TypeAlias = Mapping[str, Any] | Sequence[tuple[str, Any]]


class ServiceClient:
    """Calls one service. Cheap to make and thread-safe: connections and snapshots belong to the process.

    No answer at all is a ServiceError: NoInstance, Unavailable, DeadlineExceeded or BadGateway.
    """

    def __init__(self, service: str) -> None:
        """Call `service`."""
        self.service = service

    def get(self, path: str, **options: Any) -> Answer:
        """Send a GET; see `request` for the options."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        """Send a POST."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Answer:
        """Send a PUT."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Answer:
        """Send a PATCH."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        """Send a DELETE."""
        return self.request("DELETE", path, **options)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        principal: Principal | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Answer:
        """Send one request with a JSON body or raw `content`; `timeout` seconds cover the second attempt, too."""
        request = pb.Request(
            method=method,
            raw_path=quote(path, safe="/:@!$&'()*+,;=-._~%").encode(),
            query=urlencode(params or (), doseq=True).encode(),
            scheme="http",
            authority=self.service,
            headers=_headers(headers or {}, json is not None),
            body=content if json is None else json_.dumps(json, separators=(",", ":"), default=str).encode(),
            principal=from_principal(principal) if principal else None,
            request_id=context.current().get("request_id", ""),
        )
        return self._send(request, time.monotonic() + timeout)

    def _send(self, request: pb.Request, deadline: float) -> Answer:
        """Send to a picked instance; once more to another one where that is allowed and the first was not reached."""
        first = directory().pick(self.service)
        try:
            return self._attempt(first, request, deadline)
        except Unavailable:
            if request.method not in IDEMPOTENT:
                raise
            try:
                second = directory().pick(self.service, exclude={first.id})
            except NoInstance:
                second = None
            if second is None:
                raise
        request.attempt = 1
        return self._attempt(second, request, deadline)

    def _attempt(self, instance: Instance, request: pb.Request, deadline: float) -> Answer:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"{self.service} did not answer in time.")
        known, reached = directory(), True
        known.begin(instance)
        try:
            return _answer(bridge().handle(instance.grpc_address, self.service, request, left))
        except grpc.RpcError as error:
            failed = error_of(error, self.service)
            reached = not isinstance(failed, Unavailable)
            raise failed from error
        finally:
            known.end(instance, ok=reached)


def _headers(given: Mapping[str, str], is_json: bool) -> list[pb.Header]:
    lowered = {name.lower(): value for name, value in given.items()}
    if is_json:
        lowered.setdefault("content-type", "application/json")
    return [pb.Header(name=name, value=value.encode()) for name, value in lowered.items()]


def _answer(response: pb.Response) -> Answer:
    headers: dict[str, str] = {}
    for header in response.headers:
        value = header.value.decode("latin-1")
        headers[header.name] = f"{headers[header.name]}, {value}" if header.name in headers else value
    return Answer(response.status, headers, response.body)
