"""Answers on their way to the client: a service's, or what the gateway says of an error."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from gateway_svc.routing.cors import METHODS
from gateway_svc.routing.errors import MethodNotAllowed
from gateway_svc.routing.visit import Visit
from libs.contracts.errors import ServiceError
from libs.rpc import http_bridge_pb2 as pb
from libs.rpc.messages import from_headers
from libs.rpc.problem import problem_response


@dataclass(slots=True)
class Answer:
    """A service's answer, with the headers that pass: whole, or with a body still to come.

    Who takes an answer closes it, whether its body was read or not.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    chunks: AsyncIterator[bytes] | None = None
    close: Callable[[], None] = lambda: None


def whole(response: pb.Response) -> Answer:
    """Make the answer of a page of the gateway's own."""
    return Answer(response.status, from_headers(response.headers), response.body)


def problem(visit: Visit, error: ServiceError) -> Answer:
    """Make the answer that tells a client of an error."""
    answer = whole(problem_response(error, request_id=visit.request_id, instance=visit.path))
    if isinstance(error, MethodNotAllowed):
        answer.headers.append((b"allow", METHODS))
    return answer
