"""The ledger of rate limits in Redis, which all gateways share: who has taken how many tokens.

A bucket is one number, the theoretical arrival time (TAT) of the generic cell rate algorithm (ITU-T I.371, annex A; for
Redis: https://brandur.org/rate-limiting), here of a bucket as large as its quota. Time is Redis's own, so clocks of
gateways do not matter; where it goes back, nobody waits longer than one window.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

T = TypeVar("T")

#: A Redis that takes longer (seconds) is away.
TIMEOUT = 0.05
CONNECT_TIMEOUT = 1.0

#: A wait that took so many times as long as it should says that this process was late.
LATE = 1.2

#: For each key five arguments: microseconds per token and per window, tokens needed now, wanted, and owed, which are
#: those that a gateway gave out while Redis was away. Of what is wanted beyond the need, a gateway gets an eighth of
#: what is left: far from the limit gateways take tokens in advance, near it each takes what it needs. Answers for each
#: key the tokens granted and the microseconds from now to its TAT.
SCRIPT = """
local time = redis.call('TIME')
local now = (time[1] - 1700000000) * 1000000 + time[2]
local answer = {}
for i, key in ipairs(KEYS) do
    local cost, window, need, want, owed = unpack(ARGV, i * 5 - 4, i * 5)
    local before = tonumber(redis.call('GET', key) or 0) or 0
    local tat = math.min(math.max(before, now) + owed * cost, now + window)
    local room = math.floor((now + window - tat) / cost + 0.001)
    local grant = math.min(room, math.max(need, math.min(want, math.floor(room / 8))))
    tat = tat + grant * cost
    if tat > now then
        redis.call('SET', key, string.format('%.3f', tat), 'PX', math.ceil((tat - now) / 1000))
    end
    answer[i * 2 - 1] = grant
    answer[i * 2] = math.ceil(tat - now)
end
return answer
"""


class LedgerError(Exception):
    """Redis does not answer, not in time, or not as it should."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a gateway asks of a key: `need` tokens now, up to `want` in advance; `owed` were spent before.

    `cost` are the seconds per token, `window` those in which an empty bucket becomes full.
    """

    key: str
    cost: float
    window: float
    need: int
    want: int
    owed: int


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens that a gateway got, and the seconds until the bucket would be full again."""

    tokens: int
    debt: float


class Ledger:
    """Takes tokens, in one round trip for all keys."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        """Use the Redis at `url`, which has `timeout` seconds for an answer; nothing is opened before `open`."""
        self.timeout = timeout
        self._sha = hashlib.sha1(SCRIPT.encode()).hexdigest()  # noqa: S324  (Redis's name for it)
        pool = BlockingConnectionPool.from_url(url, max_connections=2, timeout=1, retry=Retry(NoBackoff(), 0))
        self._redis: Redis = Redis.from_pool(pool)

    async def take(self, asks: Sequence[Ask]) -> list[Grant]:
        """Take tokens for each of `asks`; LedgerError where Redis gives no answer in time."""
        keys = [ask.key for ask in asks]
        numbers = [
            number for ask in asks for number in (ask.cost * 1e6, round(ask.window * 1e6), ask.need, ask.want, ask.owed)
        ]
        answer = await self._within(self.timeout, self._run(keys, numbers))
        return [
            Grant(tokens, debt / 1e6) for tokens, debt in zip(answer[::2], answer[1::2], strict=True)
        ]  # fmt: skip

    async def open(self) -> None:
        """Connect, for which there is time, and find out whether Redis answers in time; LedgerError where not."""
        await self._within(CONNECT_TIMEOUT, self._ping())
        await self._within(self.timeout, self._ping())

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def _ping(self) -> None:
        await cast("Any", self._redis.ping())

    async def _run(self, keys: list[str], numbers: list[float]) -> list[int]:
        arguments: Any = (len(keys), *keys, *numbers)
        try:
            answer = await cast("Any", self._redis.evalsha(self._sha, *arguments))
        except NoScriptError:
            answer = await cast("Any", self._redis.eval(SCRIPT, *arguments))
        return cast("list[int]", answer)

    async def _within(self, seconds: float, question: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(question)
        task.add_done_callback(_heard)
        try:
            await _wait(task, seconds)
            if not task.done():
                raise LedgerError(f"no answer within {seconds * 1000:.0f} ms")
            return task.result()
        except (RedisError, OSError, ValueError) as error:
            raise LedgerError(f"{type(error).__name__}: {error}") from error
        finally:
            if not task.done() or task.cancelled() or task.exception():
                task.cancel()
                await self._redis.connection_pool.disconnect()  # half an answer may be on its way


async def _wait(task: asyncio.Task[Any], seconds: float) -> None:
    """Wait for Redis. Where this process was too busy to look in time, it looks again, since Redis is not to blame."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.wait({task}, timeout=seconds)
    if not task.done() and loop.time() - began > seconds * LATE:
        await asyncio.wait({task}, timeout=seconds)


def _heard(task: asyncio.Task[Any]) -> None:
    """Take note of how a task ended that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
