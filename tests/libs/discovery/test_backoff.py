"""Delays between attempts."""

from libs.discovery.backoff import Backoff


def test_delays_grow_to_the_cap_and_are_never_nothing() -> None:
    for _ in range(50):
        backoff = Backoff(0.1, 1.0)
        delays = [backoff.next() for _ in range(8)]
        bounds = [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0]
        assert all(bound / 10 <= delay <= bound for delay, bound in zip(delays, bounds, strict=True))


def test_a_success_begins_anew() -> None:
    backoff = Backoff(0.1, 1.0)
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 0.1


def test_delays_differ() -> None:
    assert len({Backoff().next() for _ in range(20)}) > 10
