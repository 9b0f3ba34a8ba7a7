import asyncio
import gc
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_svc.routing import ledger
from gateway_svc.routing.ledger import Ask, Grant, Ledger, LedgerError
from tests.gateway_svc.valkey import Valkey

#: For tests that measure no time: this machine may be busy.
PATIENT = 10.0


@pytest.fixture
async def book(valkey: Valkey) -> AsyncIterator[Ledger]:
    made = Ledger(valkey.url, timeout=PATIENT)
    yield made
    await made.close()


def ask(need: int, *, want: int = 0, owed: int = 0, key: str = "k", quota: int = 10, window: float = 3600) -> Ask:
    return Ask(key, window / quota, window, need, want, owed)


async def tokens(book: Ledger, *asks: Ask) -> list[int]:
    return [grant.tokens for grant in await book.take(asks)]


async def test_gives_a_whole_quota_and_not_one_more(book: Ledger) -> None:
    assert await tokens(book, ask(7)) == [7]
    assert await tokens(book, ask(7)) == [3]
    assert await tokens(book, ask(1)) == [0]


async def test_says_when_the_bucket_would_be_full_again(book: Ledger) -> None:
    [grant] = await book.take([ask(4)])

    assert grant.debt == pytest.approx(4 * 360, abs=1)


async def test_answers_for_many_keys_at_once(book: Ledger) -> None:
    assert await tokens(book, ask(4, key="a"), ask(20, key="b"), ask(1, key="c", quota=1)) == [4, 10, 1]
    assert await tokens(book, ask(1, key="c", quota=1), ask(20, key="a")) == [0, 6]


async def test_gives_in_advance_an_eighth_of_what_is_left(book: Ledger) -> None:
    assert await tokens(book, ask(1, want=100, quota=80)) == [10]
    assert await tokens(book, ask(1, want=5, quota=80)) == [5]
    assert await tokens(book, ask(60, want=100, quota=80)) == [60]
    assert await tokens(book, ask(0, want=100, quota=80)) == [0]


async def test_charges_what_was_spent_without_it_up_to_a_whole_quota(book: Ledger) -> None:
    assert await tokens(book, ask(1, owed=5)) == [1]
    assert await tokens(book, ask(10)) == [4]
    assert await book.take([ask(1, owed=1_000_000)]) == [Grant(0, 3600.0)]


async def test_refills_evenly(book: Ledger) -> None:
    began = time.monotonic()
    assert await tokens(book, ask(100, quota=100, window=1)) == [100]
    await asyncio.sleep(0.1)
    [got] = await tokens(book, ask(100, quota=100, window=1))
    assert 10 <= got <= (time.monotonic() - began) * 100 + 1


async def test_keys_are_gone_once_their_buckets_are_full(book: Ledger, valkey: Valkey) -> None:
    await book.take([ask(5, key="soon", quota=1000, window=1), ask(1, key="later")])
    await asyncio.sleep(0.02)

    assert valkey.client.keys() == [b"later"]
    assert 350_000 < valkey.client.pttl("later") <= 360_001


async def test_a_script_that_the_server_forgot_is_sent_again(book: Ledger, valkey: Valkey) -> None:
    assert await tokens(book, ask(1)) == [1]
    valkey.client.script_flush()

    assert await tokens(book, ask(20)) == [9]


async def test_what_is_no_number_counts_as_a_full_bucket(book: Ledger, valkey: Valkey) -> None:
    valkey.client.set("k", "nonsense")

    assert await tokens(book, ask(20)) == [10]


async def test_a_key_of_another_type_is_an_error(book: Ledger, valkey: Valkey) -> None:
    valkey.client.lpush("k", "x")

    with pytest.raises(LedgerError, match="WRONGTYPE"):
        await book.take([ask(1)])


async def test_nobody_there_is_an_error() -> None:
    nobody = Ledger("unix:///nowhere/valkey.sock")
    for question in (nobody.open(), nobody.take([ask(1)])):
        with pytest.raises(LedgerError, match="ConnectionError"):
            await question
    await nobody.close()


async def test_a_frozen_server_is_an_error_in_time_and_thawed_it_answers_again(mortal_valkey: Valkey) -> None:
    book = Ledger(mortal_valkey.url)
    await book.open()
    assert await tokens(book, ask(1)) == [1]
    mortal_valkey.freeze()
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(LedgerError, match="no answer within 50 ms"):
            await book.take([ask(1)])
        assert ledger.TIMEOUT * 0.9 < time.monotonic() - began < ledger.TIMEOUT + 0.2
    mortal_valkey.thaw()

    assert await tokens(book, ask(1)) == [1]
    await book.close()


async def test_a_process_that_was_too_busy_to_look_does_not_blame_the_server() -> None:
    async def answer() -> int:
        await asyncio.sleep(0.01)
        for _ in range(20):
            await asyncio.sleep(0)
        return 7

    asking = asyncio.create_task(answer())
    waiting = asyncio.create_task(ledger._wait(asking, 0.2))
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251  (to keep the loop busy)
    await waiting

    assert asking.done()


async def test_what_fails_after_it_was_given_up_fails_in_silence(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lose_the_connection(*args: Any) -> list[int]:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionError from None
        return []

    noise: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: noise.append(context))
    monkeypatch.setattr(book, "_run", lose_the_connection)
    monkeypatch.setattr(book, "timeout", 0.01)
    with pytest.raises(LedgerError, match="no answer within 10 ms"):
        await book.take([ask(1)])
    await asyncio.sleep(0.01)
    gc.collect()

    assert noise == []


class TestAtItsOwnTime:
    """The script with a clock that the test turns: microseconds after 1,800,000,000 s."""

    @pytest.fixture
    def run(self, valkey: Valkey) -> Any:
        script = ledger.SCRIPT.replace("redis.call('TIME')", "{1800000000, ARGV[#KEYS * 5 + 1]}")
        assert script != ledger.SCRIPT

        def granted(now: float, need: int, *, want: int = 0, quota: int = 10, key: str = "k") -> int:
            numbers = [1e6 / quota, 1_000_000, need, want, 0, round(now * 1e6)]
            answer: list[int] = valkey.client.eval(script, 1, key, *numbers)
            return answer[0]

        return granted

    def test_each_token_comes_back_at_its_moment(self, run: Any) -> None:
        assert run(5, 10) == 10
        assert run(5.099, 1) == 0
        assert run(5.1, 1) == 1
        assert run(5.1, 1) == 0
        assert run(5.45, 10) == 3
        assert run(99, 20) == 10

    def test_a_clock_that_goes_back_costs_one_window_at_most(self, run: Any) -> None:
        assert run(5000, 10) == 10
        assert run(1000, 1) == 0
        assert run(1000.1, 5) == 1
        assert run(1001.1, 20) == 10

    def test_a_clock_that_goes_forth_fills_the_bucket_and_no_more(self, run: Any) -> None:
        assert run(1, 10) == 10
        assert run(1_000_000, 1000) == 10

    def test_quotas_that_do_not_divide_their_window_are_given_whole(self, run: Any) -> None:
        for quota in (7, 999, 999_983):
            assert run(1, 2_000_000, quota=quota, key=f"at once {quota}") == quota
        assert [run(1, 1, quota=7, key="one by one") for _ in range(8)] == [1] * 7 + [0]

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        quota=st.integers(1, 1000),
        steps=st.lists(st.tuples(st.floats(0, 0.7), st.integers(0, 40), st.integers(0, 300)), max_size=30),
    )
    def test_never_gives_more_than_the_quota_and_what_came_since(
        self, run: Any, valkey: Valkey, quota: int, steps: list[tuple[float, int, int]]
    ) -> None:
        valkey.client.delete("k")
        now, grants = 7.0, []
        for pause, need, want in steps:
            now += pause
            grants.append((now, run(now, need, want=want, quota=quota)))

        for first in range(len(grants)):
            for last in range(first, len(grants)):
                given = sum(count for _, count in grants[first : last + 1])
                since = grants[last][0] - grants[first][0]
                assert given <= quota + quota * since + 0.02
