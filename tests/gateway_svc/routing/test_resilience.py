import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_svc.routing.resilience import WINDOW, Breaker, Ejections, RetryBudget


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_few_retries_are_always_allowed(clock: Clock) -> None:
    budget = RetryBudget(clock)

    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


def test_retries_are_a_fifth_of_the_requests(clock: Clock) -> None:
    budget = RetryBudget(clock)
    for _ in range(100):
        budget.note()

    assert sum(budget.spend() for _ in range(100)) == 20


def test_what_was_spent_comes_back_after_the_window(clock: Clock) -> None:
    budget = RetryBudget(clock)
    while budget.spend():
        pass

    clock.now += WINDOW - 1.1
    assert budget.left == 0
    clock.now += 1.2
    assert budget.left == 3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["note", "spend"]), st.floats(0, 3)), max_size=200))
def test_never_more_than_the_share_is_spent_in_a_window(steps: list[tuple[str, float]]) -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    requests: list[float] = []
    retries: list[float] = []
    for step, pause in steps:
        clock.now += pause
        if step == "note":
            budget.note()
            requests.append(clock.now)
        elif budget.spend():
            retries.append(clock.now)
            lately = [at for at in requests if at > clock.now - WINDOW]
            assert sum(at > clock.now - WINDOW + 1 for at in retries) <= max(3, len(lately) // 5)


def fail(ejections: Ejections, times: int) -> list[bool]:
    return [ejections.failed("a") for _ in range(times)]


def test_the_fifth_failure_in_a_row_ejects(clock: Clock) -> None:
    ejections = Ejections(clock)

    assert fail(ejections, 5) == [False, False, False, False, True]
    assert ejections.ejected() == {"a"}
    assert ejections.seconds_left("a") == 30


def test_an_answer_in_between_starts_the_count_anew(clock: Clock) -> None:
    ejections = Ejections(clock)
    fail(ejections, 4)
    ejections.succeeded("a")

    assert not any(fail(ejections, 4))


def test_it_comes_back_by_itself_and_the_next_ejection_is_longer(clock: Clock) -> None:
    ejections = Ejections(clock)
    fail(ejections, 5)
    clock.now += 30.1
    assert ejections.ejected() == set()

    fail(ejections, 5)

    assert ejections.seconds_left("a") == 60


def test_failures_of_one_that_is_ejected_do_not_lengthen_it(clock: Clock) -> None:
    ejections = Ejections(clock)
    fail(ejections, 15)

    assert ejections.seconds_left("a") == 30


def test_no_ejection_is_longer_than_five_minutes(clock: Clock) -> None:
    ejections = Ejections(clock)
    for _ in range(20):
        fail(ejections, 5)
        clock.now += 400

    fail(ejections, 5)
    assert ejections.seconds_left("a") == 300


def test_who_is_gone_is_forgotten(clock: Clock) -> None:
    ejections = Ejections(clock)
    fail(ejections, 5)
    ejections.keep({"b"})

    assert ejections.ejected() == set()


def test_one_may_go_while_the_ejected_are_read(clock: Clock) -> None:
    ejections = Ejections(clock)
    fail(ejections, 5)

    class Moment(float):
        def __lt__(self, other: float) -> bool:
            ejections.keep(set())  # as the directory's thread does at any moment
            return super().__lt__(other)

    clock.now = Moment(clock.now)
    assert ejections.ejected() == {"a"}
    assert ejections.ejected() == set()


def test_a_breaker_opens_where_half_of_many_requests_fail(clock: Clock) -> None:
    breaker = Breaker(clock)
    for _ in range(10):
        breaker.answered()
    opened = [breaker.failed() for _ in range(10)]

    assert opened == [False] * 9 + [True]
    assert (breaker.state, breaker.wait()) == ("open", 5)


def test_few_failures_tell_nothing(clock: Clock) -> None:
    breaker = Breaker(clock)

    assert not any(breaker.failed() for _ in range(19))


def open_breaker(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(20):
        breaker.failed()
    return breaker


def test_one_request_at_a_time_probes(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.now += 5.1

    assert breaker.state == "half_open"
    assert [breaker.wait() > 0 for _ in range(3)] == [False, True, True]


def test_an_answered_probe_closes_it(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.now += 5.1
    breaker.wait()
    breaker.answered()

    assert (breaker.state, breaker.wait()) == ("closed", 0)
    assert not breaker.failed()


def test_a_failed_probe_opens_it_again(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.now += 5.1
    breaker.wait()
    breaker.failed()

    assert (breaker.state, breaker.wait()) == ("open", 5)


def test_a_probe_that_tells_nothing_lets_another_one_try(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.now += 5.1
    breaker.wait()
    breaker.undecided()

    assert breaker.wait() == 0
