"""Token buckets, by a clock that the test turns; and what a caller sees of them."""

import grpc
import pytest

from libs.contracts.errors import TooManyRequests
from libs.discovery.channels import failure
from libs.discovery.documents import registration_to_json
from libs.discovery.protos import registration_to_proto
from libs.rpc import registry_pb2 as pb
from registry_svc.instances import limits
from registry_svc.instances.limits import Limiter
from tests.registry_svc.parts import RunningRegistry, as_metadata, registration


class Clock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def refusals(limiter: Limiter, key: str, count: int) -> int:
    refused = 0
    for _ in range(count):
        try:
            limiter.take(key)
        except TooManyRequests:
            refused += 1
    return refused


def test_after_the_burst_it_goes_on_at_the_rate() -> None:
    clock = Clock()
    limiter = Limiter(rate=2.0, burst=3.0, clock=clock)
    assert refusals(limiter, "a", 5) == 2
    clock.now = 1.0
    assert refusals(limiter, "a", 5) == 3
    clock.now = 100.0
    assert refusals(limiter, "a", 5) == 2


def test_a_refusal_says_when_to_come_back() -> None:
    clock = Clock()
    limiter = Limiter(rate=0.25, burst=1.0, clock=clock)
    limiter.take("a")
    with pytest.raises(TooManyRequests) as raised:
        limiter.take("a")
    assert raised.value.retry_after == 4
    clock.now = 4.0
    limiter.take("a")


def test_one_that_asks_too_often_does_not_hold_up_others() -> None:
    limiter = Limiter(rate=1.0, burst=1.0, clock=Clock())
    assert refusals(limiter, "a", 10) == 9
    assert refusals(limiter, "b", 1) == 0


def test_who_has_not_asked_for_long_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLEAN_ABOVE", 10)
    clock = Clock()
    limiter = Limiter(rate=1.0, burst=5.0, clock=clock)
    for number in range(1000):
        clock.now += 1.0
        limiter.take(number)
    assert len(limiter._buckets) <= 11


def test_an_instance_that_registers_in_a_loop_is_told_to_slow_down_at_both_doors(registry: RunningRegistry) -> None:
    registry.node.registry.registrations = Limiter(rate=0.01, burst=2.0)
    mine = registration(http_port=1, ready=False)
    path, body = "/v1/services/todo/instances", registration_to_json(mine)
    assert [registry.post(path, "todo", json=body).status_code for _ in range(2)] == [201, 201]
    answer = registry.post(path, "todo", json=body)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert int(answer.headers["retry-after"]) > 1
    with pytest.raises(grpc.RpcError) as raised:
        registry.call("Register", registration_to_proto(mine), "todo")
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # type: ignore[attr-defined]
    other = registration(instance_id="todo-2", http_port=1, ready=False)
    assert registry.call("Register", registration_to_proto(other), "todo").instance_id == "todo-2"


def test_a_caller_that_watches_in_a_loop_is_told_to_slow_down_at_both_doors(registry: RunningRegistry) -> None:
    registry.node.registry.watches = Limiter(rate=0.01, burst=2.0)
    path = "/v1/services/gateway/watch"
    assert [registry.get(path).status_code for _ in range(3)] == [200, 200, 429]
    assert registry.get(path, "todo").status_code == 200
    codes = []
    for _ in range(3):
        with registry.rpc() as methods:
            stream = methods.Watch(pb.WatchRequest(type="todo"), metadata=as_metadata("auth"), timeout=10)
            try:
                codes.append(next(stream).type)
            except grpc.RpcError as error:
                codes.append(failure(error)[0])
            stream.cancel()
    assert codes == ["todo", "todo", "too_many_requests"]
