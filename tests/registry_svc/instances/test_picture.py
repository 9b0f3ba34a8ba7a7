"""What a picture tells by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.discovery import Instance
from registry_svc.instances.picture import Picture, Reading, skew, state_began, targets

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("told", "sent", "received", "ahead"),
    [
        (at(0), at(0.2), at(0.3), 0.0),
        (at(0), at(1.0), at(1.0), 0.0),
        (at(0), at(3.5), at(3.6), -2.5),
        (at(10), at(0.2), at(0.5), 9.5),
        (at(0), at(-1), at(9), 0.0),
    ],
)
def test_a_clock_differs_by_no_less_than_cut_seconds_and_a_slow_answer_allow(
    told: datetime, sent: datetime, received: datetime, ahead: float
) -> None:
    assert skew(told, sent, received) == pytest.approx(ahead)


@pytest.mark.parametrize(
    ("changes", "began"),
    [
        ([], None),
        ([(1, "up"), (2, "draining")], 2),
        ([(1, "draining"), (2, "down"), (3, "draining")], 1),
        ([(1, "draining"), (2, "up"), (3, "draining")], 3),
        ([(1, "draining"), (2, ""), (3, "up"), (4, "draining")], 4),
        ([(1, "draining"), (2, "maintenance")], None),
    ],
)
def test_a_state_began_when_it_was_last_entered_and_a_time_down_does_not_end_it(
    changes: list[tuple[int, str]], began: int | None
) -> None:
    assert state_began("draining", [(at(second), after) for second, after in changes]) == (began and at(began))


def test_the_first_registry_that_answered_tells_who_exists() -> None:
    one, other = Instance("todo", "todo-1"), Instance("todo", "todo-2")
    wrong = Reading("a", "registry_away", "refused")
    picture = Picture(NOW, (wrong, Reading("b", instances=(one,)), Reading("c", instances=(other,))))
    assert picture.by_type == {"todo": [one]}
    assert not Picture(NOW, (wrong,)).instances


def test_a_port_that_serves_both_is_one_target() -> None:
    assert targets(Instance("todo", "todo-1", host="h", http_port=1, grpc_port=2)) == [("h", 1), ("h", 2)]
    assert targets(Instance("todo", "todo-1", host="h", grpc_port=2)) == [("h", 2)]
    assert targets(Instance("todo", "todo-1", host="h", http_port=1, grpc_port=1)) == [("h", 1)]
