import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_svc.routing import buckets
from gateway_svc.routing.buckets import Bucket, Limit
from gateway_svc.routing.ledger import Ask, Grant
from libs.service.traffic import Rate


def bucket(quota: int = 1200, window: int = 60) -> Bucket:
    return Limit("user", Rate(quota, window)).bucket("u1")


def ask_and_get(some: Bucket, now: float, tokens: int | None = None, debt: float = 0.0) -> Ask:
    """Let the ledger grant what is asked, or `tokens`."""
    asked = some.ask()
    some.take(asked, Grant(max(asked.need, asked.want) if tokens is None else tokens, debt), now)
    return asked


@pytest.mark.parametrize(
    ("quota", "lease"), [(1, 1), (99, 1), (100, 2), (1200, 24), (12_800, 256), (600_000, 256), (1_000_000, 256)]
)
def test_a_lease_is_a_fiftieth_of_the_quota_within_bounds(quota: int, lease: int) -> None:
    assert Limit("user", Rate(quota, 60)).lease == lease


def test_keys_tell_limits_and_services_apart() -> None:
    assert Limit("user", Rate(1, 1)).bucket("x").key == "mt:rate:user:x"
    assert Limit("user", Rate(1, 1), kind="service").bucket("x").key == "mt:rate:service:user:x"


def test_the_subject_not_seen_for_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MAX_SUBJECTS", 3)
    limit = Limit("user", Rate(10, 60))
    known = {name: limit.bucket(name) for name in "abc"}
    limit.bucket("a")
    limit.bucket("d")

    assert len(limit._buckets) == 3
    assert limit.bucket("a") is known["a"]
    assert limit.bucket("b") is not known["b"]


def test_asks_for_what_a_lease_lacks_and_for_whom_waits() -> None:
    some = bucket()
    some.waiting = 3
    assert (some.ask().need, some.ask().want) == (3, 24)
    some.leased = 5
    assert some.ask().want == 19
    some.leased = 30
    assert some.ask().want == 0


def test_a_lease_is_renewed_before_it_ends_where_the_limit_is_far() -> None:
    some = bucket()
    assert some.low < 0
    ask_and_get(some, 100)
    assert some.low == 6
    some.leased = 0
    ask_and_get(some, 101, tokens=23)
    assert some.low < 0


def test_a_small_lease_is_not_renewed() -> None:
    some = bucket(quota=399)
    ask_and_get(some, 100)

    assert (some.leased, some.low) == (7, -1)


def test_a_need_that_is_not_met_says_when_to_come_back() -> None:
    some = bucket(quota=60)
    some.waiting = 3
    ask_and_get(some, 100, tokens=1, debt=60.0)

    assert (some.leased, some.free_at, some.retry_after(100)) == (1, 101.0, 1)


def test_a_wish_that_is_not_met_blocks_nobody() -> None:
    some = bucket(quota=60)
    ask_and_get(some, 100, tokens=0, debt=59.5)

    assert some.free_at == 0.0


def test_pays_by_itself_up_to_the_quota_and_then_as_tokens_come() -> None:
    some = bucket(quota=3, window=60)

    assert [some.pay(100.0) for _ in range(4)] == [True, True, True, False]
    assert (some.free_at, some.retry_after(100.0)) == (120.0, 20)
    assert [some.pay(at) for at in (119.9, 120.0, 120.0)] == [False, True, False]
    assert (some.leased, some.owed) == (4, 4)


@given(quota=st.integers(1, 2000), now=st.floats(0, 1e8))
def test_a_full_bucket_holds_its_whole_quota_and_not_one_more(quota: int, now: float) -> None:
    some = bucket(quota, 60)

    assert [some.pay(now) for _ in range(quota + 1)] == [True] * quota + [False]


def test_goes_on_from_what_the_ledger_last_said() -> None:
    some = bucket(quota=3, window=60)
    ask_and_get(some, 100, tokens=0, debt=40.0)

    assert [some.pay(100.0), some.pay(100.0)] == [True, False]


def test_what_was_paid_without_the_ledger_is_told_once() -> None:
    some = bucket()
    some.pay(100.0)
    some.pay(100.0)

    assert [some.ask().owed, some.ask().owed] == [2, 0]


@pytest.mark.parametrize(("quota", "window", "step"), [(1200, 60, 1), (60, 60, 1), (40, 60, 2), (5, 3600, 720)])
def test_the_next_token_is_a_step_away(quota: int, window: int, step: int) -> None:
    assert bucket(quota, window).state(100.0) == b'"user";r=%d;t=%d' % (quota - 1, step)


def test_what_is_left_counts_the_lease_and_what_came_since() -> None:
    some = bucket(quota=60)
    ask_and_get(some, 100, tokens=4, debt=30.0)

    assert [some.left(at) for at in (100, 110.5, 1000)] == [34, 44, 59]
