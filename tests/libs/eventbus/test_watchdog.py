"""The watchdog ends a worker that has work and makes no progress; nobody else."""

import pytest

from libs.eventbus.celery import make_app
from libs.eventbus.watchdog import PATIENCE, Stall, Watchdog


@pytest.fixture
def stall() -> Stall:
    return Stall()


def test_an_idle_worker_never_stalls(stall: Stall) -> None:
    assert [stall.seconds(now=now, progress=3, work=False) for now in (0, 100, 200)] == [0, 0, 0]


def test_work_that_has_just_come_is_given_time(stall: Stall) -> None:
    stall.seconds(now=0, progress=3, work=False)
    assert stall.seconds(now=1000, progress=3, work=True) == 0
    assert stall.seconds(now=1030, progress=3, work=True) == 30


def test_progress_begins_the_count_anew(stall: Stall) -> None:
    stall.seconds(now=0, progress=3, work=True)
    assert stall.seconds(now=70, progress=3, work=True) == 70
    assert stall.seconds(now=80, progress=4, work=True) == 0
    assert stall.seconds(now=160, progress=4, work=True) == 80 > PATIENCE


def test_a_look_at_an_empty_queue_ends_nobody() -> None:
    ended: list[bool] = []
    Watchdog(make_app("todo"), ["todo.events"], lambda: ended.append(True)).look()
    assert ended == []
