"""Loops never end of an error; pauses grow and a nudge shortens them."""

import threading
import time
from collections.abc import Callable

import pytest
import structlog

from libs.contracts.errors import Unavailable
from libs.discovery import NotInstalled
from libs.eventbus.loops import Looper
from libs.eventbus.nudges import Backoff, Nudge


def looping(step: Callable[[], float], nudge: Nudge | None = None) -> Looper:
    return Looper("test", step, nudge=nudge, backoff=Backoff(0.001, 0.002))


@pytest.mark.parametrize(
    ("error", "level"), [(Unavailable(), "warning"), (NotInstalled(), "warning"), (ValueError("ours"), "error")]
)
def test_a_loop_goes_on_after_an_error(error: Exception, level: str) -> None:
    again = threading.Event()
    errors = [error]

    def step() -> float:
        if errors:
            raise errors.pop()
        again.set()
        return 60.0

    loop = looping(step)
    with structlog.testing.capture_logs() as logs:
        loop.start()
        assert again.wait(timeout=5)
        loop.stop()
    assert [each["log_level"] for each in logs] == [level]


def test_a_nudge_wakes_a_loop_before_its_time() -> None:
    nudge, steps, second = Nudge(), [], threading.Event()

    def step() -> float:
        steps.append(1)
        if len(steps) == 2:
            second.set()
        return 60.0

    loop = looping(step, nudge)
    loop.start()
    nudge.give()
    assert second.wait(timeout=5)
    loop.stop()


def test_pauses_grow_up_to_the_longest_and_begin_again() -> None:
    backoff = Backoff(1.0, 4.0)
    pauses = [backoff.pause() for _ in range(4)]
    assert all(
        low <= pause <= high for pause, (low, high) in zip(pauses, [(0.5, 1), (1, 2), (2, 4), (2, 4)], strict=True)
    )
    backoff.reset()
    assert backoff.pause() <= 1.0


def test_nudges_that_come_soon_after_a_step_are_heeded_together() -> None:
    nudge, steps, again = Nudge(), [], threading.Event()

    def step() -> float:
        steps.append(time.monotonic())
        if len(steps) == 2:
            again.set()
        return 60.0

    looper = Looper("lingering", step, nudge=nudge, pause=lambda: 0.2)
    looper.start()
    for _ in range(10):
        nudge.give()
        time.sleep(0.005)
    assert again.wait(5)
    looper.stop()

    assert len(steps) == 2
    assert steps[1] - steps[0] >= 0.2
