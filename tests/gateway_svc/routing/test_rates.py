import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from gateway_svc.routing import buckets, ledger, rates
from gateway_svc.routing.errors import RateLimited
from gateway_svc.routing.ledger import Ask, Grant, Ledger, LedgerError
from gateway_svc.routing.policies import Policy
from gateway_svc.routing.rates import Limits, Rates, configured_limits, configured_rates, network_of
from libs.identity.principal import Principal
from libs.service.traffic import Rate
from tests.gateway_svc.valkey import Valkey

FREE = Policy()
ANN, BEN = Principal("ann", token_id="ann-1"), Principal("ben", token_id="ben-1")

#: For tests that measure no time: this machine may be busy.
PATIENT = 10.0

#: 50 ms, and what a busy machine adds.
MOMENT = 1.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def alone(clock: Clock) -> Callable[..., Limits]:
    """Limits without Redis."""

    def made(**given: Rate) -> Limits:
        return Limits(Rates(**{"user": None, "token": None, "address": None, **given}), clock=clock)

    return made


def passes(limits: Limits, principal: Principal | None = ANN, client_ip: str = "203.0.113.7", **given: Any) -> bool:
    try:
        return (
            limits.try_take(given.get("service", "todo"), given.get("policy", FREE), principal, client_ip) is not None
        )
    except RateLimited:
        return False


async def passing(limits: Limits, count: int, principal: Principal = ANN) -> int:
    """Send `count` requests, one after the other, and tell how many passed."""
    passed = 0
    for _ in range(count):
        try:
            limits.try_take("todo", FREE, principal, "") or await limits.take("todo", FREE, principal, "")
            passed += 1
        except RateLimited:
            pass
        await asyncio.sleep(0)
    return passed


def refused(limits: Limits, **given: Any) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        limits.try_take(given.get("service", "todo"), given.get("policy", FREE), given.get("principal", ANN), "")
    return caught.value


def fields(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}


# -- which limits apply ----------------------------------------------------------------------------------------------


def test_each_user_has_a_bucket(alone: Callable[..., Limits]) -> None:
    limits = alone(user=Rate(2, 60))

    assert [passes(limits), passes(limits), passes(limits), passes(limits, BEN)] == [True, True, False, True]


def test_tokens_come_back_with_time(alone: Callable[..., Limits], clock: Clock) -> None:
    limits = alone(user=Rate(2, 60))
    found = []
    for _ in range(4):
        found.append([passes(limits), passes(limits), passes(limits)])
        clock.now += 30

    assert found == [[True, True, False], [True, False, False], [True, False, False], [True, False, False]]


def test_a_token_has_its_own_bucket_within_the_users(alone: Callable[..., Limits]) -> None:
    limits = alone(user=Rate(3, 60), token=Rate(2, 60))
    other = Principal("ann", token_id="ann-2")

    assert [passes(limits), passes(limits), passes(limits)] == [True, True, False]
    assert [passes(limits, other), passes(limits, other)] == [True, False]


def test_the_tokens_of_one_session_share_a_bucket(alone: Callable[..., Limits]) -> None:
    limits = alone(token=Rate(2, 60))
    tokens = [Principal("ann", "session-1", token_id=f"token-{number}") for number in range(3)]

    assert [passes(limits, each) for each in tokens] == [True, True, False]
    assert passes(limits, Principal("ann", "session-2", token_id="token-4"))


def test_without_a_user_the_address_counts(alone: Callable[..., Limits]) -> None:
    limits = alone(user=Rate(1, 60), token=Rate(1, 60), address=Rate(2, 60))

    assert [passes(limits, None), passes(limits, None), passes(limits, None)] == [True, True, False]
    assert passes(limits, None, "203.0.113.8")
    assert passes(limits, ANN)


@pytest.mark.parametrize(
    ("client_ip", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_address_of_ipv6_counts_with_its_network(client_ip: str, network: str) -> None:
    assert network_of(client_ip) == network


def test_a_service_has_its_own_limit_for_each_user_and_address(alone: Callable[..., Limits]) -> None:
    limits, slow = alone(user=Rate(100, 60)), Policy(rate=Rate(1, 60))

    assert [passes(limits, policy=slow), passes(limits, policy=slow)] == [True, False]
    assert passes(limits, BEN, policy=slow)
    assert passes(limits, service="auth", policy=slow)
    assert [passes(limits, None, policy=slow), passes(limits, None, policy=slow)] == [True, False]
    assert passes(limits)


def test_a_service_that_changes_its_rate_begins_anew(alone: Callable[..., Limits]) -> None:
    limits = alone()

    assert [passes(limits, policy=Policy(rate=Rate(1, 60))) for _ in range(2)] == [True, False]
    assert [passes(limits, policy=Policy(rate=Rate(2, 60))) for _ in range(3)] == [True, True, False]


def test_what_one_limit_refuses_costs_nothing_of_another(alone: Callable[..., Limits]) -> None:
    limits, slow = alone(user=Rate(3, 60)), Policy(rate=Rate(1, 60))

    assert [passes(limits, policy=slow) for _ in range(10)].count(True) == 1
    assert [passes(limits) for _ in range(10)].count(True) == 2


def test_without_limits_nothing_is_counted_or_told(alone: Callable[..., Limits]) -> None:
    decision = alone().try_take("todo", FREE, ANN, "")

    assert decision is not None
    assert decision.headers == []


# -- what is told ----------------------------------------------------------------------------------------------------


def test_the_answer_tells_of_the_limit(alone: Callable[..., Limits]) -> None:
    decision = alone(user=Rate(1200, 60)).try_take("todo", FREE, ANN, "")

    assert decision is not None
    assert fields(decision.headers) == {
        "ratelimit-policy": '"user";q=1200;w=60',
        "ratelimit": '"user";r=1199;t=1',
    }


def test_the_answer_tells_of_all_limits_that_apply(alone: Callable[..., Limits]) -> None:
    limits = alone(user=Rate(1200, 60), token=Rate(5, 3600))
    decision = limits.try_take("todo", Policy(rate=Rate(10, 1)), ANN, "")

    assert decision is not None
    assert fields(decision.headers) == {
        "ratelimit-policy": '"user";q=1200;w=60, "token";q=5;w=3600, "todo";q=10;w=1',
        "ratelimit": '"user";r=1199;t=1, "token";r=4;t=720, "todo";r=9;t=1',
    }


def test_a_refusal_is_a_problem_that_says_when_to_come_back(alone: Callable[..., Limits], clock: Clock) -> None:
    limits = alone(user=Rate(100, 60), token=Rate(2, 60))
    passes(limits)
    passes(limits)
    clock.now += 0.5
    error = refused(limits)

    assert (error.status, error.code, error.retry_after) == (429, "rate_limited", 30)
    assert error.extra == {"retryable": True, "violated-policies": ["token"]}
    assert fields(error.headers)["ratelimit"] == '"user";r=98;t=1, "token";r=0;t=30'
    clock.now += 29.4
    assert refused(limits).retry_after == 1
    clock.now += 0.1
    assert passes(limits)


def test_of_two_limits_that_refuse_the_longer_wait_counts(alone: Callable[..., Limits]) -> None:
    limits = alone(user=Rate(1, 60), token=Rate(1, 3600))
    passes(limits)

    assert refused(limits).retry_after == 60
    assert limits._user is not None
    assert limits._token is not None
    limits._token.bucket("ann-1").pay(1000.0)  # so that it says so

    assert refused(limits).retry_after == 3600


def test_refusals_are_counted(alone: Callable[..., Limits]) -> None:
    def counted(limit: str) -> float:
        labels = {"service": "todo", "limit": limit}
        return REGISTRY.get_sample_value("mt_gateway_rate_limited_total", labels) or 0.0

    before = {limit: counted(limit) for limit in ("user", "token", "service")}
    limits, slow = alone(user=Rate(1, 60)), Policy(rate=Rate(1, 60))
    assert [passes(limits, policy=slow) for _ in range(3)] == [True, False, False]
    assert {limit: counted(limit) - before[limit] for limit in before} == {"user": 2, "token": 0, "service": 0}


# -- settings --------------------------------------------------------------------------------------------------------


def test_by_default_a_machine_of_its_owner_has_limits_that_only_a_wild_program_meets(settings: Any) -> None:
    settings.EMBEDDED = True
    assert configured_rates() == Rates(user=Rate(600_000, 60), token=None, address=Rate(600_000, 60))
    settings.EMBEDDED = False
    assert configured_rates() == Rates(user=Rate(1200, 60), token=Rate(600, 60), address=Rate(600, 60))


def test_settings_count_more_than_defaults(settings: Any) -> None:
    settings.GATEWAY_RATE_USER, settings.GATEWAY_RATE_TOKEN = "off", "5/second"

    assert configured_rates() == Rates(user=None, token=Rate(5, 1), address=Rate(600_000, 60))


async def test_without_redis_each_process_counts_by_itself(settings: Any) -> None:
    settings.REDIS_URL = ""
    settings.GATEWAY_RATE_USER = "2/minute"
    limits = configured_limits()
    await limits.start()

    assert REGISTRY.get_sample_value("mt_gateway_rate_limits_local") == 1
    assert await passing(limits, 5) == 2
    await limits.close()


async def test_with_redis_all_processes_count_together(settings: Any, valkey: Valkey) -> None:
    settings.REDIS_URL = valkey.url
    settings.GATEWAY_RATE_USER = "2/minute"
    one, two = configured_limits(), configured_limits()
    await one.start()

    assert REGISTRY.get_sample_value("mt_gateway_rate_limits_local") == 0
    assert [await passing(one, 1), await passing(two, 5), await passing(one, 5)] == [1, 1, 0]
    await one.close()
    await two.close()


# -- the rule, alone -------------------------------------------------------------------------------------------------


@given(
    quota=st.integers(1, 50),
    window=st.sampled_from([1, 60, 3600]),
    pauses=st.lists(st.floats(0, 0.4), max_size=80),
)
def test_never_more_pass_than_the_quota_and_what_came_since(quota: int, window: int, pauses: list[float]) -> None:
    clock = Clock()
    limits = Limits(Rates(user=Rate(quota, window), token=None, address=None), clock=clock)
    passed = []
    for pause in pauses:
        clock.now += pause * window
        if passes(limits):
            passed.append(clock.now)

    for first, last in itertools.combinations(range(len(passed)), 2):
        assert last - first + 1 <= quota + (passed[last] - passed[first]) * quota / window + 0.01


@given(pauses=st.lists(st.floats(0, 5), max_size=60))
def test_who_keeps_to_the_rate_is_never_refused(pauses: list[float]) -> None:
    clock = Clock()
    limits = Limits(Rates(user=Rate(7, 60), token=None, address=None), clock=clock)
    for pause in pauses:
        clock.now += 60 / 7 + pause
        assert passes(limits)


# -- shared ----------------------------------------------------------------------------------------------------------


Gateways = Callable[..., Awaitable[Sequence[Limits]]]


@pytest.fixture
async def gateways() -> AsyncIterator[Gateways]:
    """Makes limits of gateways that share a Redis."""
    made: list[Limits] = []

    async def make(url: str, count: int, rate: Rate, patience: float = PATIENT) -> Sequence[Limits]:
        wanted = Rates(user=rate, token=None, address=None)
        new = [Limits(wanted, Ledger(url, patience)) for _ in range(count)]
        made.extend(new)
        for each in new:
            await each.start()
        return new

    yield make
    for each in made:
        await each.close()


class Counted(Ledger):
    """A ledger that counts round trips."""

    trips = 0

    async def take(self, asks: Sequence[Ask]) -> list[Grant]:
        self.trips += 1
        return await super().take(asks)


@pytest.mark.parametrize("quota", [1, 30, 99])
async def test_a_small_limit_is_shared_exactly(valkey: Valkey, gateways: Gateways, quota: int) -> None:
    one, two, three = await gateways(valkey.url, 3, Rate(quota, 86_400))
    passed = 0
    for _ in range(quota):
        passed += await passing(one, 1) + await passing(two, 1) + await passing(three, 1)

    assert passed == quota


async def test_a_large_limit_is_never_exceeded_and_used_up_but_for_the_leases(
    valkey: Valkey, gateways: Gateways
) -> None:
    quota = 5000
    sharing = await gateways(valkey.url, 3, Rate(quota, 86_400))
    passed = sum(await asyncio.gather(*(passing(each, quota) for each in sharing)))

    assert quota - 3 * quota // buckets.LEASE_SHARE <= passed <= quota


async def test_what_was_leased_before_an_interval_is_the_bound_of_the_error(
    valkey: Valkey, gateways: Gateways, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = Rate(2000, 1)
    sharing = await gateways(valkey.url, 3, rate)
    for each in sharing:
        await passing(each, 400)
    await asyncio.sleep(1.1)  # the bucket is full again, and the gateways still have their leases
    leases = [limits._user.bucket("ann").leased for limits in sharing if limits._user]
    began = time.monotonic()
    passed = sum(await asyncio.gather(*(passing(each, 1500) for each in sharing)))
    seconds = time.monotonic() - began

    assert all(0 < lease <= 40 for lease in leases)
    assert passed <= rate.quota + rate.quota * seconds + sum(leases)


async def test_the_common_request_asks_nobody(valkey: Valkey) -> None:
    book = Counted(valkey.url, PATIENT)
    limits = Limits(Rates(user=Rate(600_000, 60), token=None, address=None), book)
    assert await passing(limits, 2000) == 2000
    await asyncio.sleep(0.01)
    trips, slow = book.trips, 0
    for _ in range(1000):
        slow += limits.try_take("todo", FREE, ANN, "") is None
        await asyncio.sleep(0.0005)  # a request takes a while
    await limits.close()

    assert trips < 40
    assert book.trips - trips < 15
    assert slow < 10


async def test_all_limits_of_a_request_cost_one_round_trip(valkey: Valkey) -> None:
    book = Counted(valkey.url, PATIENT)
    limits = Limits(Rates(user=Rate(9, 60), token=Rate(9, 60), address=None), book)
    await limits.take("todo", Policy(rate=Rate(9, 60)), ANN, "")
    await limits.close()

    assert book.trips == 1
    assert valkey.client.dbsize() == 3


async def test_requests_of_many_users_at_once_cost_few_round_trips(valkey: Valkey) -> None:
    book = Counted(valkey.url, PATIENT)
    limits = Limits(Rates(user=Rate(9, 60), token=None, address=None), book)
    users = [Principal(f"user-{number}") for number in range(100)]
    await asyncio.gather(*(limits.take("todo", FREE, user, "") for user in users))
    await limits.close()

    assert book.trips == 1


async def test_a_crowd_at_a_fresh_bucket_gets_exactly_what_there_is(valkey: Valkey, gateways: Gateways) -> None:
    sharing = await gateways(valkey.url, 2, Rate(100, 86_400))
    crowd = [passing(each, 1) for each in sharing for _ in range(90)]

    assert sum(await asyncio.gather(*crowd)) == 100


async def test_who_is_refused_costs_no_round_trips(valkey: Valkey) -> None:
    book = Counted(valkey.url, PATIENT)
    limits = Limits(Rates(user=Rate(3, 3600), token=None, address=None), book)
    assert await passing(limits, 500) == 3
    await limits.close()

    assert book.trips <= 4


async def test_the_answer_tells_what_others_have_left(valkey: Valkey, gateways: Gateways) -> None:
    one, two = await gateways(valkey.url, 2, Rate(50, 86_400))
    await passing(one, 20)
    decision = await two.take("todo", FREE, ANN, "")

    assert fields(decision.headers)["ratelimit"] == '"user";r=29;t=1728'


# -- Redis goes and comes back ---------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "PAUSE", (0.02, 0.04))


def is_local() -> bool:
    return REGISTRY.get_sample_value("mt_gateway_rate_limits_local") == 1


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.005)


@pytest.mark.usefixtures("impatient")
async def test_a_redis_that_dies_and_comes_back_fails_nobody(mortal_valkey: Valkey, gateways: Gateways) -> None:
    [limits] = await gateways(mortal_valkey.url, 1, Rate(50, 86_400))
    with structlog.testing.capture_logs() as lines:
        assert await passing(limits, 10) == 10
        mortal_valkey.settle()
        mortal_valkey.kill()
        assert await passing(limits, 20) == 20
        assert is_local()
        mortal_valkey.start()
        await until(lambda: not is_local())
        assert await passing(limits, 50) == 20

    assert [line["event"] for line in lines] == [
        "rate limits hold for each gateway process, as Redis is away",
        "rate limits are shared again",
    ]


@pytest.mark.usefixtures("impatient")
async def test_what_was_spent_meanwhile_counts_for_all(mortal_valkey: Valkey, gateways: Gateways) -> None:
    one, two = await gateways(mortal_valkey.url, 2, Rate(50, 86_400))
    mortal_valkey.kill()
    assert await passing(one, 30) == 30
    mortal_valkey.start()
    await until(lambda: not is_local())
    assert await passing(one, 1) == 1

    assert await passing(two, 50) == 19


async def test_what_was_spent_meanwhile_is_remembered_when_it_could_not_be_told(valkey: Valkey) -> None:
    class Failing(Ledger):
        fails = True

        async def take(self, asks: Sequence[Ask]) -> list[Grant]:
            if self.fails:
                raise LedgerError("away")
            return await super().take(asks)

    book = Failing(valkey.url, PATIENT)
    limits = Limits(Rates(user=Rate(50, 86_400), token=None, address=None), book)
    for _ in range(2):
        assert await passing(limits, 5) == 5
        limits._shared = True  # it answered for a moment
    book.fails = False
    assert await passing(limits, 50) == 40
    await limits.close()


@pytest.mark.usefixtures("impatient")
async def test_away_each_gateway_holds_the_limit_by_itself(mortal_valkey: Valkey, gateways: Gateways) -> None:
    sharing = await gateways(mortal_valkey.url, 2, Rate(50, 86_400))
    mortal_valkey.kill()

    assert [await passing(each, 80) for each in sharing] == [50, 50]


async def test_a_frozen_redis_delays_one_request_for_a_moment_and_then_none(
    mortal_valkey: Valkey, gateways: Gateways
) -> None:
    [limits] = await gateways(mortal_valkey.url, 1, Rate(50, 86_400), ledger.TIMEOUT)
    await passing(limits, 1)
    mortal_valkey.freeze()
    began = time.monotonic()
    assert await passing(limits, 1) == 1
    assert ledger.TIMEOUT * 0.8 < time.monotonic() - began < MOMENT
    await until(is_local)

    assert all(limits.try_take("todo", FREE, ANN, "") for _ in range(48))  # none waits


async def test_a_crowd_at_a_frozen_redis_is_delayed_for_a_moment_together(
    mortal_valkey: Valkey, gateways: Gateways
) -> None:
    [limits] = await gateways(mortal_valkey.url, 1, Rate(50, 86_400), ledger.TIMEOUT)
    await passing(limits, 1)
    mortal_valkey.freeze()
    began = time.monotonic()
    with structlog.testing.capture_logs() as lines:
        first = asyncio.gather(*(passing(limits, 1, ANN) for _ in range(100)))
        await asyncio.sleep(ledger.TIMEOUT / 2)
        passed = sum(await asyncio.gather(*(passing(limits, 1, BEN) for _ in range(100)))) + sum(await first)
        seconds = time.monotonic() - began
        await asyncio.sleep(ledger.TIMEOUT * 4)

    assert passed == 49 + 50
    assert seconds < MOMENT
    assert len(lines) == 1


@pytest.mark.usefixtures("impatient")
async def test_a_thawed_redis_is_used_again(mortal_valkey: Valkey, gateways: Gateways) -> None:
    [limits] = await gateways(mortal_valkey.url, 1, Rate(50, 86_400), 0.2)
    mortal_valkey.freeze()
    await passing(limits, 5)
    assert is_local()
    await asyncio.sleep(0.2)
    assert is_local()
    mortal_valkey.thaw()
    await until(lambda: not is_local())

    assert await passing(limits, 60) == 45


@pytest.mark.usefixtures("impatient")
async def test_a_gateway_starts_without_redis_and_finds_it_later(mortal_valkey: Valkey, gateways: Gateways) -> None:
    mortal_valkey.kill()
    [limits] = await gateways(mortal_valkey.url, 1, Rate(50, 86_400))
    assert is_local()
    assert limits.try_take("todo", FREE, ANN, "") is not None
    mortal_valkey.start()

    await until(lambda: not is_local())


async def test_a_slow_ledger_delays_nobody_beyond_the_moment() -> None:
    class Slow(Ledger):
        async def take(self, asks: Sequence[Ask]) -> list[Grant]:
            await asyncio.sleep(0.04)
            return [Grant(0, 0.0) for _ in asks]  # so each asks again

    limits = Limits(Rates(user=Rate(50, 86_400), token=None, address=None), Slow("unix:///nowhere"))
    began = time.monotonic()
    assert await passing(limits, 1) == 1
    assert time.monotonic() - began < MOMENT
    await limits.close()
