"""The lease's thread against a Registry that comes, goes, forgets and refuses."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
import structlog

from libs.discovery import Lease, Load, Registration
from libs.discovery.channels import stub
from libs.rpc import registry_pb2 as pb
from tests.libs.discovery.fake_registry import FakeRegistry, signer, wait_until

MINE = Registration("todo", "todo-1", "0199-incarnation", "127.0.0.1", http_port=80, routes=("/v1/lists",))


@pytest.fixture
def lease(fake: FakeRegistry) -> Iterator[Lease]:
    lease = Lease(MINE, [fake.address], signer(), lambda: Load(7, 0.5, 2))
    yield lease
    lease.stop()


def test_it_registers_and_beats_with_its_load(fake: FakeRegistry, lease: Lease) -> None:
    assert lease.state == "new"
    lease.start()
    assert lease.wait(5)
    assert lease.state == "registered"
    message = fake.said("Register")[0]
    assert (message.type, message.id, list(message.routes)) == ("todo", "todo-1", ["/v1/lists"])
    beats = wait_until(lambda: len(fake.said("Lease")) >= 3 and fake.said("Lease"))
    assert {(beat.instance_id, beat.incarnation) for beat in beats} == {("todo-1", MINE.incarnation)}
    assert {(beat.in_flight, beat.cpu, beat.queue_depth) for beat in beats} == {(7, 0.5, 2)}
    wait_until(lambda: lease.desired_state == "up")


def test_a_registry_that_restarts_is_found_again_without_a_new_registration(fake: FakeRegistry, lease: Lease) -> None:
    lease.start()
    assert lease.wait(5)
    fake.stop()
    wait_until(lambda: lease.state == "lost")
    fake.start()
    assert lease.wait(5)
    assert len(fake.said("Register")) == 1


def test_a_registry_that_forgot_gets_a_new_registration(fake: FakeRegistry, lease: Lease) -> None:
    lease.start()
    assert lease.wait(5)
    fake.known.clear()
    wait_until(lambda: len(fake.said("Register")) == 2)
    assert lease.wait(5)


def test_a_refused_registration_is_tried_again(fake: FakeRegistry, lease: Lease) -> None:
    fake.refusal = (grpc.StatusCode.FAILED_PRECONDITION, "health_check_failed")
    lease.start()
    wait_until(lambda: len(fake.said("Register")) >= 2)
    assert not lease.wait(0)
    fake.refusal = None
    assert lease.wait(5)


def test_a_refusal_that_stays_the_same_is_said_once(fake: FakeRegistry, lease: Lease) -> None:
    fake.refusal = (grpc.StatusCode.INVALID_ARGUMENT, "validation_failed")
    with structlog.testing.capture_logs() as logs:
        lease.start()
        wait_until(lambda: len(fake.said("Register")) >= 3)
    assert [each["code"] for each in logs if each["log_level"] == "warning"] == ["validation_failed"]


def test_it_starts_before_there_is_a_registry(fake: FakeRegistry, lease: Lease) -> None:
    fake.stop()
    lease.start()
    assert not lease.wait(0.2)
    fake.start()
    assert lease.wait(5)


def test_draining_is_told_and_kept_over_a_new_registration(fake: FakeRegistry, lease: Lease) -> None:
    lease.start()
    assert lease.wait(5)
    assert lease.drain()
    assert fake.said("SetState")[0].state == pb.STATE_DRAINING
    wait_until(lambda: lease.desired_state == "draining")
    fake.known.clear()
    wait_until(lambda: len(fake.said("SetState")) == 2)


def test_leaving_deregisters_this_incarnation(fake: FakeRegistry, lease: Lease) -> None:
    lease.start()
    assert lease.wait(5)
    lease.stop()
    assert [message.incarnation for message in fake.said("Deregister")] == [MINE.incarnation]
    assert (lease.state, lease.wait(0)) == ("stopped", False)


@pytest.mark.parametrize("leave", [Lease.drain, Lease.stop])
def test_a_registry_that_is_away_does_not_hold_up_the_end(
    fake: FakeRegistry, lease: Lease, leave: Callable[[Lease], object]
) -> None:
    lease.start()
    assert lease.wait(5)
    fake.stop()
    assert not leave(lease)


def test_beats_are_as_far_apart_as_the_registry_says(fake: FakeRegistry, lease: Lease) -> None:
    fake.heartbeat_every = 60.0
    lease.start()
    assert lease.wait(5)
    wait_until(lambda: lease._beat_every == 60.0)
    assert len(fake.said("Lease")) <= 2


def test_a_registry_that_answers_no_more_is_left_for_another_one(fake: FakeRegistry) -> None:
    other = FakeRegistry().start()
    lease = Lease(MINE, [fake.address, other.address], signer())
    lease.start()
    assert lease.wait(5)
    first, second = (fake, other) if fake.said("Register") else (other, fake)
    second.known.add(MINE.id)  # as Registries over one database do
    first.frozen.set()
    wait_until(lambda: second.said("Lease"))
    assert lease.wait(5)
    assert second.said("Register") == []
    lease.stop()
    other.stop()


class Stuck:
    """A stream that asks for no beat and does not even end when it is cancelled, as gRPC's may after a GOAWAY."""

    def __init__(self) -> None:
        self.cancelled = False
        self.test_over = threading.Event()

    def __iter__(self) -> Iterator[pb.LeaseResponse]:
        self.test_over.wait()
        return iter(())

    def cancel(self) -> None:
        self.cancelled = True


def test_a_stream_that_takes_no_beat_is_given_up(
    fake: FakeRegistry, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Stuck] = []

    def stuck_at_first(opened: grpc.Channel) -> Any:
        registry = stub(opened)
        if not made:
            made.append(Stuck())
            monkeypatch.setattr(registry, "Lease", lambda *_, **__: made[0], raising=False)
        return registry

    monkeypatch.setattr("libs.discovery.lease.stub", stuck_at_first)
    lease.start()

    wait_until(lambda: fake.said("Lease"))
    assert lease.wait(5)
    assert made[0].cancelled
    made[0].test_over.set()


def test_with_one_registry_gone_the_next_one_holds_the_lease(fake: FakeRegistry) -> None:
    others = [FakeRegistry().start() for _ in range(2)]
    every = [fake, *others]
    lease = Lease(MINE, [each.address for each in every], signer())
    lease.start()
    assert lease.wait(5)
    for each in every:
        each.known.add(MINE.id)
    for _ in range(2):
        holding = wait_until(lambda: next((each for each in every if each.said("Lease")), None))
        every.remove(holding)
        holding.stop()
    wait_until(lambda: every[0].said("Lease"))
    assert lease.wait(5)
    assert every[0].said("Register") == []
    lease.stop()
    every[0].stop()


def test_a_wish_of_the_registry_is_logged_once(fake: FakeRegistry, lease: Lease) -> None:
    lease.start()
    wait_until(lambda: lease.desired_state == "up")
    with structlog.testing.capture_logs() as logs:
        fake.desired = pb.STATE_MAINTENANCE
        wait_until(lambda: lease.desired_state == "maintenance")
        beats = len(fake.said("Lease"))
        wait_until(lambda: len(fake.said("Lease")) > beats + 2)
    assert [each["state"] for each in logs if each["event"] == "the registry wants another state"] == ["maintenance"]
