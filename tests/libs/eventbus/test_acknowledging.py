"""Results travel together where they come densely, and none stays behind."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from libs.contracts.names import QUEUE_ACKS, TASK_ACKNOWLEDGE
from libs.eventbus import acknowledging
from libs.eventbus.acknowledging import FULL, Acknowledgements
from libs.eventbus.transports.memory import MemoryTransport


def result(number: int) -> dict[str, Any]:
    return {"delivery": number, "attempt": 1, "ok": True, "tried": True, "error": ""}


def told(bus: MemoryTransport) -> list[list[int]]:
    assert {(message.task, message.queue) for message in bus.messages} <= {(TASK_ACKNOWLEDGE, QUEUE_ACKS)}
    return [[each["delivery"] for each in message.content["results"]] for message in bus.messages]


@pytest.fixture
def running(bus: MemoryTransport, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acknowledgements]:
    """Acknowledgements that wait for ever after they have sent."""
    monkeypatch.setattr(acknowledging, "GATHER", 60.0)
    made = Acknowledgements()
    made.start()
    yield made
    made.stop()


def test_without_its_thread_a_result_goes_out_at_once(bus: MemoryTransport) -> None:
    Acknowledgements().add([result(1)])
    assert told(bus) == [[1]]


def test_results_that_come_soon_after_others_go_out_together_at_the_latest_at_the_end(
    running: Acknowledgements, bus: MemoryTransport
) -> None:
    for number in (1, 2, 3):
        running.add([result(number)])
    running.stop()
    assert list(chain(*told(bus))) == [1, 2, 3]
    assert len(told(bus)) <= 2  # the thread may have sent the first by itself


def test_many_results_do_not_wait(running: Acknowledgements, bus: MemoryTransport) -> None:
    running.add([result(number) for number in range(FULL)])
    assert list(chain(*told(bus))) == list(range(FULL))


def test_the_thread_sends_what_it_was_nudged_for(bus: MemoryTransport) -> None:
    made = Acknowledgements()
    made.start()
    made.add([result(1)])
    made.add([result(2)])
    assert bus.wait_for(lambda: list(chain(*told(bus))) == [1, 2], timeout=5)
    made.stop()


def test_results_that_the_broker_does_not_take_are_left_to_events(bus: MemoryTransport) -> None:
    bus.broken = True
    made = Acknowledgements()
    made.add([result(1)])
    bus.broken = False
    made.add([result(2)])
    assert told(bus) == [[2]]
