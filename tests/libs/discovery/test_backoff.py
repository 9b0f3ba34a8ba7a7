"""Delays between attempts, and whom to ask next."""

from libs.discovery.backoff import Backoff, Rotation


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


def test_a_rotation_gives_each_in_turn_in_an_order_of_its_own() -> None:
    rotation = Rotation("abcd")
    turn = [next(rotation) for _ in range(8)]
    assert sorted(turn[:4]) == list("abcd")
    assert turn[4:] == turn[:4]
    assert len({tuple(Rotation("abcd").items) for _ in range(100)}) > 5
