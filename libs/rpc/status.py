"""What a gRPC error of the bridge means in HTTP. A gRPC error says that there was no answer at all.

UNAVAILABLE, RESOURCE_EXHAUSTED → 503 + Retry-After · DEADLINE_EXCEEDED → 504 · everything else → 502
"""

from typing import Any

import grpc

from libs.contracts.errors import BadGateway, DeadlineExceeded, ServiceError, Unavailable

RETRY_AFTER = 1


class NoAnswer(Exception):
    """An instance gave no answer. `refused`: nothing was begun, so it may be sent again, whatever its method."""

    def __init__(self, code: grpc.StatusCode, detail: str = "", *, refused: bool = False) -> None:
        """Say why: a status code of gRPC, and its text for the log."""
        self.code = code
        self.detail = detail
        self.refused = refused
        super().__init__(f"{code.name}: {detail}")


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    """Give the status code of an error, of the sync or the asyncio client."""
    call: Any = error
    return call.code() or grpc.StatusCode.UNKNOWN


def details_of(error: grpc.RpcError) -> str:
    """Give the text of an error, for the log; clients never see it."""
    call: Any = error
    return str(call.details() or "")


def error_of(error: grpc.RpcError, service: str) -> ServiceError:
    """Give the error that a caller of `service` answers with."""
    return refusal_of(code_of(error), details_of(error), service)


def refusal_of(code: grpc.StatusCode, detail: str, service: str) -> ServiceError:
    """Give the error for a status code and its text."""
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(f"{service} did not answer in time", extra=_extra(service, retryable=False))
    if code is grpc.StatusCode.UNAVAILABLE or (
        code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" not in detail
    ):
        return unavailable(service)
    return BadGateway(f"{service} gave no valid answer", extra=_extra(service, retryable=False))


def unavailable(service: str) -> Unavailable:
    """Make the 503 of a service of which no instance answers."""
    return Unavailable(
        f"{service} is not available now",
        code="service_unavailable",
        retry_after=RETRY_AFTER,
        extra=_extra(service, retryable=True),
    )


def _extra(service: str, *, retryable: bool) -> dict[str, Any]:
    return {"service": service, "retryable": retryable}
