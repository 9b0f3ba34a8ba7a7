"""Rate limits: per user, per token, per address without a token, and per user at a service that declares a rate.

Each limit is a token bucket (GCRA) in Redis, shared by all gateways; see `ledger` for the rule. A request that costs a
round trip would cost more than its routing, so a process leases tokens: a few at a time for each subject, paid
for when they are leased, and spent from memory. What that means for the limit, with n gateways:

- Since tokens are paid for in advance, all gateways together never pass more than `quota + rate x t` in the t seconds
  since a bucket was first used.
- In t seconds that begin later, they may also pass what was leased before: at most `n x lease` more, where a lease is
  1/50 of the quota, and not above 256. Limits below 100 have leases of one token, which is the request's own: exact.
- Near the limit a lease is not more than an eighth of what is left, so a user is not refused for tokens that lie
  elsewhere, up to `n x lease` of them.

Where Redis is away or slow (50 ms), each gateway applies the same rule by itself, going on from what it last knew: at
most n times the limit. It asks again every one to two seconds, no request waits for that, and what was spent in between
is charged to the bucket when it is next asked for. Memory is bounded: a limit knows its last 20,000 subjects.

Fields: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (10). `t` is the time to the next token.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network
from typing import NoReturn

import structlog
from django.conf import settings

from gateway_svc.routing.buckets import Bucket, Limit
from gateway_svc.routing.errors import RateLimited
from gateway_svc.routing.forwarding import parse_address
from gateway_svc.routing.ledger import Ledger, LedgerError
from gateway_svc.routing.policies import Policy
from libs.identity.principal import Principal
from libs.service.traffic import Rate
from libs.telemetry import metrics

log = structlog.get_logger(__name__)

LIMITED = metrics.counter("mt_gateway_rate_limited", "Requests refused by a rate limit", "service", "limit")
LOCAL = metrics.gauge("mt_gateway_rate_limits_local", "1 while each gateway counts by itself, as Redis is away")

#: How long Redis is left alone after it failed (seconds, from and to).
PAUSE = (1.0, 2.0)

#: An IPv6 client has at least a /64 to itself, and changes its address within at will.
IPV6_HOST_BITS = 64


@dataclass(frozen=True, slots=True)
class Rates:
    """The gateway's own limits; None is none."""

    user: Rate | None
    token: Rate | None
    address: Rate | None


#: One machine serves its owner: the limits only stop a program that runs wild.
EMBEDDED = Rates(user=Rate(600_000, 60), token=None, address=Rate(600_000, 60))
DISTRIBUTED = Rates(user=Rate(1200, 60), token=Rate(600, 60), address=Rate(600, 60))


@dataclass(slots=True)
class Decision:
    """A request that may pass, and the header fields that its answer carries."""

    headers: list[tuple[bytes, bytes]]


_UNLIMITED = Decision([])


def configured_rates() -> Rates:
    """Give the rates of the settings; ValueError names the variable that is wrong."""
    default = EMBEDDED if settings.EMBEDDED else DISTRIBUTED
    return Rates(
        _configured("RATE_USER", default.user),
        _configured("RATE_TOKEN", default.token),
        _configured("RATE_ADDRESS", default.address),
    )


def _configured(name: str, default: Rate | None) -> Rate | None:
    text = getattr(settings, f"GATEWAY_{name}")
    try:
        return Rate.parse(text) if text else default
    except ValueError as error:
        raise ValueError(f"MT_GATEWAY_{name}: {text!r} is wrong: {error}") from None


def configured_limits() -> "Limits":
    """Make the limits that the settings say, in the Redis that they name."""
    return Limits(configured_rates(), Ledger(settings.REDIS_URL) if settings.REDIS_URL else None)


class Limits:
    """All rate limits of one gateway process. Lives on the event loop."""

    def __init__(
        self, rates: Rates, ledger: Ledger | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        """Apply `rates`; without a ledger this process counts by itself."""
        self._user = Limit("user", rates.user) if rates.user else None
        self._token = Limit("token", rates.token) if rates.token else None
        self._address = Limit("address", rates.address) if rates.address else None
        self._services: dict[str, Limit] = {}
        self._ledger = ledger
        self._clock = clock
        self._shared = ledger is not None
        self._lacking: list[Bucket] = []
        self._asking: asyncio.Task[None] | None = None
        self._waking: asyncio.Task[None] | None = None
        LOCAL.set(not self._shared)

    async def start(self) -> None:
        """Open the connection, so that no request waits for it. Without Redis the start goes on."""
        if self._ledger is None:
            log.info("rate limits hold for each gateway process, as no Redis is configured")
            return
        try:
            await self._ledger.open()
        except LedgerError as error:
            self._lose(self._ledger, error)

    async def close(self) -> None:
        """End what runs, close the connection."""
        tasks = {task for task in (self._asking, self._waking) if task}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._ledger is not None:
            await self._ledger.close()

    def try_take(
        self, service: str, policy: Policy, principal: Principal | None, client_ip: str
    ) -> Decision | None:  # fmt: skip
        """Let a request pass, or raise RateLimited; None where Redis must be asked, as `take` does."""
        buckets = self._buckets(service, policy, principal, client_ip)
        return self._decide(service, buckets) if buckets else _UNLIMITED

    async def take(self, service: str, policy: Policy, principal: Principal | None, client_ip: str) -> Decision:
        """Let a request pass, or raise RateLimited. Waits for Redis 50 ms at most, and seldom at all."""
        buckets = self._buckets(service, policy, principal, client_ip)
        if not buckets:
            return _UNLIMITED
        give_up = self._clock() + (self._ledger.timeout if self._ledger else 0.0)
        while (decision := self._decide(service, buckets)) is None:
            left = give_up - self._clock()
            if left > 0:
                await self._wait([bucket for bucket in buckets if not bucket.leased], left)
            else:
                self._pay(service, buckets)
        return decision

    def _buckets(self, service: str, policy: Policy, principal: Principal | None, client_ip: str) -> list[Bucket]:
        found = []
        if principal is None:
            subject = network_of(client_ip)
            if self._address:
                found.append(self._address.bucket(subject))
        else:
            subject = principal.user_id
            if self._user:
                found.append(self._user.bucket(subject))
            if self._token:  # the session, since its access tokens change every few minutes
                found.append(self._token.bucket(principal.session_id or principal.token_id))
        if policy.rate:
            found.append(self._of_service(service, policy.rate).bucket(subject))
        return found

    def _of_service(self, service: str, rate: Rate) -> Limit:
        limit = self._services.get(service)
        if limit is None or (limit.rate is not rate and limit.rate != rate):
            limit = self._services[service] = Limit(service, rate, kind="service")
        return limit

    def _decide(self, service: str, buckets: Sequence[Bucket]) -> Decision | None:
        """Spend a token of each bucket if all have one leased; otherwise tell whether asking could help."""
        now = self._clock()
        lacking = [bucket for bucket in buckets if not bucket.leased]
        if lacking:
            if any(now < bucket.free_at for bucket in lacking):
                self._refuse(service, buckets, now)
            if self._shared:
                return None
            self._pay(service, buckets)
        for bucket in buckets:
            bucket.leased -= 1
            if bucket.leased <= bucket.low and self._shared:
                self._ask(bucket)
        return Decision(_fields(buckets, now))

    def _pay(self, service: str, buckets: Sequence[Bucket]) -> None:
        """Pay by the own account for the tokens that `buckets` lack; RateLimited where one cannot."""
        now = self._clock()
        for bucket in buckets:
            if not bucket.leased and not bucket.pay(now):
                self._refuse(service, buckets, now)

    def _refuse(self, service: str, buckets: Sequence[Bucket], now: float) -> NoReturn:
        empty = [bucket for bucket in buckets if not bucket.leased and now < bucket.free_at]
        for bucket in empty:
            LIMITED.labels(service, bucket.limit.kind).inc()
        raise RateLimited(
            [bucket.limit.name for bucket in empty],
            retry_after=max(bucket.retry_after(now) for bucket in empty),
            headers=_fields(buckets, now),
        )

    async def _wait(self, buckets: Sequence[Bucket], seconds: float) -> None:
        """Wait until the ledger has answered for each of `buckets`, and not longer than `seconds`."""
        for bucket in buckets:
            bucket.waiting += 1
        try:
            await asyncio.wait([self._ask(bucket) for bucket in buckets], timeout=seconds)
        finally:
            for bucket in buckets:
                bucket.waiting -= 1

    def _ask(self, bucket: Bucket) -> asyncio.Future[None]:
        """Let the ledger be asked for `bucket`, with all others of this turn of the loop; give what ends with it."""
        if bucket.filling is None:
            bucket.filling = asyncio.get_running_loop().create_future()
            self._lacking.append(bucket)
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask_all())
        return bucket.filling

    async def _ask_all(self) -> None:
        while self._lacking:
            buckets, self._lacking = self._lacking, []
            try:
                await self._fill(buckets)
            finally:
                for bucket in buckets:
                    if bucket.filling is not None:
                        bucket.filling.set_result(None)
                        bucket.filling = None

    async def _fill(self, buckets: Sequence[Bucket]) -> None:
        if self._ledger is None or not self._shared:
            return
        asks = [bucket.ask() for bucket in buckets]
        try:
            grants = await self._ledger.take(asks)
        except LedgerError as error:
            for bucket, ask in zip(buckets, asks, strict=True):
                bucket.owed += ask.owed
            self._lose(self._ledger, error)
            return
        now = self._clock()
        for bucket, ask, grant in zip(buckets, asks, grants, strict=True):
            bucket.take(ask, grant, now)

    def _lose(self, ledger: Ledger, error: LedgerError) -> None:
        """Count here until Redis answers again."""
        log.warning("rate limits hold for each gateway process, as Redis is away", error=str(error))
        self._shared = False
        LOCAL.set(1)
        self._waking = asyncio.create_task(self._wake(ledger))

    async def _wake(self, ledger: Ledger) -> None:
        while not self._shared:
            await asyncio.sleep(random.uniform(*PAUSE))  # noqa: S311  (no secret)
            with contextlib.suppress(LedgerError):
                await ledger.open()
                self._shared = True
        LOCAL.set(0)
        log.info("rate limits are shared again")


def _fields(buckets: Sequence[Bucket], now: float) -> list[tuple[bytes, bytes]]:
    """Write the header fields: `"user";q=1200;w=60` and `"user";r=1199;t=1`."""
    if len(buckets) == 1:
        return [(b"ratelimit-policy", buckets[0].limit.policy), (b"ratelimit", buckets[0].state(now))]
    policies = b", ".join([bucket.limit.policy for bucket in buckets])
    states = b", ".join([bucket.state(now) for bucket in buckets])
    return [(b"ratelimit-policy", policies), (b"ratelimit", states)]


@lru_cache(4096)
def network_of(client_ip: str) -> str:
    """Give what counts as one client: an IPv4 address, or the /64 network of an IPv6 one."""
    address = parse_address(client_ip)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> IPV6_HOST_BITS << IPV6_HOST_BITS, 128 - IPV6_HOST_BITS)))
    return str(address) if address else client_ip
