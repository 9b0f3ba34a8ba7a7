"""A closed-loop load: a few clients, each sending its next request when the last is answered.

Latency in a closed loop hides queueing, and the clients share the machine with what they measure: compare rows of one
run with each other, not runs of two machines.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

WARM_UP = 20

Send = Callable[[requests.Session], requests.Response]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run measured: answers per second, and latencies in milliseconds."""

    answers: int
    failures: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return self.answers / self.seconds

    def percentile(self, share: float) -> float:
        """Give the latency that `share` of the answers did not exceed (nearest rank)."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def measure(send: Send, *, clients: int, seconds: float) -> Result:
    """Let `clients` threads send for `seconds`, after a warm-up that does not count."""
    start = threading.Barrier(clients + 1)
    latencies: list[list[float]] = [[] for _ in range(clients)]
    failures = [0] * clients

    def client(number: int) -> None:
        with requests.Session() as session:
            for _ in range(WARM_UP):
                send(session)
            start.wait()
            until = time.perf_counter() + seconds
            while (begun := time.perf_counter()) < until:
                answer = send(session)
                latencies[number].append((time.perf_counter() - begun) * 1000)
                failures[number] += answer.status_code >= 400

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    together = [latency for own in latencies for latency in own]
    return Result(len(together), sum(failures), time.perf_counter() - begun, together)
