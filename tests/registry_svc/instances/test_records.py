"""The rules of an instance's state."""

from datetime import UTC, datetime

import pytest

from libs.discovery import LastCheck
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


def test_a_lost_lease_is_down_at_once_and_returns_with_two_good_checks() -> None:
    record = make()
    record.lose_lease()
    assert record.state == "down"
    record.renew(expires=20.0, in_flight=0, holder=None)
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
    record.renew(expires=20.0, in_flight=0, holder=None)
    for _ in range(2):
        record.take_check(GOOD)
    assert record.state == "maintenance"


def test_watchers_hear_of_states_and_warnings_but_not_of_beats_and_repeated_checks() -> None:
    record = make()
    record.take_check(GOOD)
    before = record.signature()
    record.renew(expires=99.0, in_flight=5, holder=None)
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
    record.renew(expires=30.0, in_flight=4, holder=None)
    view = record.view(20.0)
    assert (view.address, view.grpc_address, view.load_in_flight) == ("http://127.0.0.1:80", "127.0.0.1:90", 4)
    assert view.lease_expires_at
    assert 8 < (view.lease_expires_at - datetime.now(UTC)).total_seconds() <= 10
