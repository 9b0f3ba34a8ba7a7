"""A closed-loop load: a few clients, each sending its next request when the last is answered.

Latency in a closed loop hides queueing, and the clients share the machine with what they measure: compare rows of one
run with each other, not runs of two machines.
"""

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import grpc

WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Result:
    """What a run measured: answers per second, and latencies in milliseconds."""

    answers: int
    failures: int
    seconds: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        return self.answers / self.seconds

    def percentile(self, share: float) -> float:
        """Give the latency that `share` of the answers did not exceed (nearest rank)."""
        return percentile(self.latencies, share)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that `share` of `values` do not exceed (nearest rank); 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def measure(
    send: Callable[[Any], bool],
    *,
    clients: int,
    seconds: float,
    client: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Result:
    """Let `clients` threads send for `seconds`, after a warm-up that does not count.

    Each sends with what its own `client()` opens. `send` tells whether the answer was a good one.
    """
    start = threading.Barrier(clients + 1)
    latencies: list[list[float]] = [[] for _ in range(clients)]
    failures = [0] * clients

    def run(number: int) -> None:
        with client() as opened:
            for _ in range(WARM_UP):
                is_good(send, opened)
            start.wait()
            until = time.perf_counter() + seconds
            while (begun := time.perf_counter()) < until:
                failures[number] += not is_good(send, opened)
                latencies[number].append((time.perf_counter() - begun) * 1000)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    together = [latency for own in latencies for latency in own]
    return Result(len(together), sum(failures), time.perf_counter() - begun, together)


def is_good(send: Callable[[Any], bool], client: Any) -> bool:
    """Send; an answer that never came is none of the good ones."""
    try:
        return send(client)
    except (OSError, grpc.RpcError, http.client.HTTPException):
        return False
