import grpc
import pytest

from libs.rpc.status import error_of


class Failed(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, details: str = "") -> None:
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


@pytest.mark.parametrize(
    ("failed", "status", "retryable"),
    [
        (Failed(grpc.StatusCode.UNAVAILABLE), 503, True),
        (Failed(grpc.StatusCode.RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!"), 503, True),
        (Failed(grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (5 vs. 4)"), 502, False),
        (Failed(grpc.StatusCode.DEADLINE_EXCEEDED), 504, False),
        (Failed(grpc.StatusCode.UNAUTHENTICATED), 502, False),
        (Failed(grpc.StatusCode.INTERNAL, "secret"), 502, False),
        (Failed(grpc.StatusCode.UNIMPLEMENTED), 502, False),
        (Failed(grpc.StatusCode.CANCELLED), 502, False),
    ],
)
def test_maps_no_answer_to_a_status(failed: grpc.RpcError, status: int, retryable: bool) -> None:
    error = error_of(failed, "todo")

    assert error.status == status
    assert error.extra == {"service": "todo", "retryable": retryable}
    assert "secret" not in error.detail


def test_unavailable_says_when_to_come_back() -> None:
    error = error_of(Failed(grpc.StatusCode.UNAVAILABLE), "todo")

    assert error.code == "service_unavailable"
    assert error.retry_after == 1
