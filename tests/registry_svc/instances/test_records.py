"""The rules of an instance's state."""

from datetime import UTC, datetime

import pytest

from libs.discovery import HealthSpec, LastCheck, Load
from registry_svc.instances.records import Record
from tests.registry_svc.parts import registration

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD, WARNED, BAD = (LastCheck(NOW, status) for status in ("passing", "warning", "critical"))


def make(**fields: object) -> Record:
    return Record(registration(http_port=80, **fields), "internal", NOW, "up", lease_expires=10.0)


def test_three_failed_checks_in_a_row_make_it_down_and_two_good_ones_bring_it_back() -> None:
    record = make()
    states = []
    for check in (BAD, BAD, GOOD, BAD, BAD, BAD, GOOD, BAD, GOOD, WARNED):
        record.take_check(check)
        states.append(record.state)
    assert states == ["up"] * 5 + ["down"] * 4 + ["up"]


def test_how_many_checks_it_takes_is_the_instances_own_choice() -> None:
    record = make(health=HealthSpec(fall=1, rise=3))
    states = []
    for check in (BAD, GOOD, GOOD, GOOD):
        record.take_check(check)
        states.append(record.state)
    assert states == ["down", "down", "down", "up"]


def test_a_lost_lease_is_down_at_once_and_returns_with_two_good_checks() -> None:
    record = make()
    record.lose_lease()
    assert record.state == "down"
    record.renew(expires=20.0, load=Load(), holder=None)
    assert (record.state, record.returning) == ("down", True)
    record.take_check(GOOD)
    assert record.state == "down"
    record.take_check(GOOD)
    assert (record.state, record.returning) == ("up", False)


def test_what_an_operator_wants_is_kept_while_it_is_down() -> None:
    record = make()
    record.desired = "maintenance"
    record.lose_lease()
    assert record.state == "down"
    record.renew(expires=20.0, load=Load(), holder=None)
    for _ in range(2):
        record.take_check(GOOD)
    assert record.state == "maintenance"


def test_watchers_hear_of_states_and_warnings_but_not_of_beats_and_repeated_checks() -> None:
    record = make()
    record.take_check(GOOD)
    before = record.signature()
    record.renew(expires=99.0, load=Load(5), holder=None)
    record.take_check(GOOD)
    assert record.signature() == before
    record.take_check(WARNED)
    assert record.signature() != before


@pytest.mark.parametrize(
    ("visibility", "expected"), [("public", "https://api.example.org"), ("internal", "http://127.0.0.1:80")]
)
def test_only_a_public_type_has_a_public_address(visibility: str, expected: str) -> None:
    record = make(address="https://api.example.org")
    record.visibility = visibility  # type: ignore[assignment]
    assert record.view(0.0).address == expected


def test_the_view_shows_addresses_load_and_when_the_lease_ends() -> None:
    record = make(grpc_port=90)
    record.renew(expires=30.0, load=Load(4, 0.5, 1), holder=None)
    view = record.view(20.0)
    assert (view.address, view.grpc_address, view.load) == (
        "http://127.0.0.1:80",
        "127.0.0.1:90",
        Load(4, 0.5, 1),
    )
    assert view.lease_expires_at
    assert 8 < (view.lease_expires_at - datetime.now(UTC)).total_seconds() <= 10


def flap(record: Record, now: float, *, most: int) -> str:
    """Let it go down and come back at once; give the state after that."""
    for move in (Record.lose_lease, lambda each: setattr(each, "lease_held", True)):
        before = record.state
        move(record)
        record.damp(before, now, most)
    return record.state


def test_who_went_up_and_down_too_often_in_a_minute_stays_down_until_the_first_time_is_a_minute_ago() -> None:
    record = make()
    assert [flap(record, now, most=4) for now in (0.0, 10.0, 20.0)] == ["up", "up", "down"]
    assert (record.damped, record.damped_until) == (True, 60.0)


def test_who_goes_up_and_down_now_and_then_is_not_damped() -> None:
    record = make()
    assert {flap(record, now, most=4) for now in (0.0, 40.0, 80.0, 120.0, 160.0)} == {"up"}


def test_damping_can_be_turned_off() -> None:
    record = make()
    assert {flap(record, 0.0, most=0) for _ in range(20)} == {"up"}


def test_it_is_known_since_when_it_is_up_or_down() -> None:
    record = make()
    record.settle(1.0)
    record.settle(2.0)
    assert (record.up_since, record.down_since) == (1.0, None)
    record.lose_lease()
    record.settle(3.0)
    assert (record.up_since, record.down_since) == (None, 3.0)
