"""Quota: a token bucket per service."""

import pytest

from logger_svc.records.errors import QuotaExceeded
from logger_svc.records.quota import Quota


class Clock:
    """A clock that goes when it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_refills_with_time_and_says_how_long_that_takes() -> None:
    clock = Clock()
    quota = Quota(1000, clock)
    quota.take("todo", 1000)
    quota.take("todo", 1000)
    with pytest.raises(QuotaExceeded) as refused:
        quota.take("todo", 1500)
    assert refused.value.retry_after == 2
    clock.now = 1.5
    quota.take("todo", 1500)


def test_a_small_quota_still_lets_a_whole_batch_through() -> None:
    quota = Quota(1, Clock())
    quota.take("todo", 1000)
    with pytest.raises(QuotaExceeded):
        quota.take("todo", 1)
    quota.take("auth", 1)
