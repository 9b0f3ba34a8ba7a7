"""What a small request waits while a body of 50 MiB passes the same gateway, to and from the same instance.

Small requests come at a fixed rate (open loop). Beside them run, in turn: nothing; one download after another and one
upload after another, of a client on a network of 25 MiB/s; and downloads as fast as they go, which is as fast as two
cores let four processes be. Small ones share one stream; bodies have a connection of their own and are moved in pieces.
"""

import http.client
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.synchronize import Event

from tests.benchmarks.gateway import answers, request, world
from tests.benchmarks.http_load import Target, load
from tests.benchmarks.load import Result
from tests.benchmarks.proxies import HOST, running
from tests.benchmarks.tables import table
from tests.benchmarks.upstreams import BODY, LARGE, PATH
from tests.system.stack import eventually

SECONDS = float(os.environ.get("MT_BENCH_SECONDS", "4"))
ROUNDS = int(os.environ.get("MT_BENCH_ROUNDS", "3"))
RATE = float(os.environ.get("MT_BENCH_RATE", "100"))
CLIENTS = int(os.environ.get("MT_BENCH_CLIENTS", "16"))
BAR = 2.0
PIECE = 256 * 1024
NETWORK = 25 * 2**20  # bytes per second
UNBOUND = "downloads, unbound"
BESIDE = ("nothing", "downloads", "uploads", UNBOUND)


def main() -> int:
    """Start a gateway, let the rows take turns, print; the exit code tells whether any request failed."""
    print(f"{RATE:g} small requests a second, {ROUNDS} rounds of {SECONDS:g} s; bodies of {LARGE // 2**20} MiB")
    results: dict[str, list[tuple[Result, int]]] = {name: [] for name in BESIDE}
    with world() as (behind, _, token), running("this gateway", behind) as server:
        target = Target(server.port, request(token), len(BODY))
        eventually(lambda: answers(target), within=60, what="the gateway answers")
        for _ in range(ROUNDS):
            for name in BESIDE:
                results[name].append(beside(name, target))
    alone = p99(results["nothing"])
    rows = [row(name, results[name], alone) for name in BESIDE]
    print(table(("beside", "p50 ms", "p99 ms", "ratio of p99", "MiB/s", "failed"), rows))
    worst = max(p99(results[name]) / alone for name in BESIDE if name != UNBOUND)
    print(f"bar: {worst:.2f} of {BAR:g} times ({'met' if worst <= BAR else 'not met'})")
    return int(any(result.failures for each in results.values() for result, _ in each))


def beside(name: str, target: Target) -> tuple[Result, int]:
    """Measure small requests beside bodies; give the result and how many bodies passed."""
    if name == "nothing":
        return load(target, clients=CLIENTS, seconds=SECONDS, rate=RATE), 0
    context = get_context("spawn")
    stop, begun, count = context.Event(), context.Event(), context.Value("i", 0)
    process = context.Process(target=bodies, args=(name, target.port, stop, begun, count))
    process.start()
    try:
        assert begun.wait(30), "no body passed"
        return load(target, clients=CLIENTS, seconds=SECONDS, rate=RATE), count.value
    finally:
        stop.set()
        process.join(30)


def bodies(name: str, port: int, stop: Event, begun: Event, count) -> None:
    """Move one body after another until told to stop; each must be whole."""
    while not stop.is_set():
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        if name == "uploads":
            headers = {"Content-Length": str(LARGE)}
            connection.request("POST", f"{PATH}/large", body=paced(begun, bytes(PIECE)), headers=headers)
        else:
            connection.request("GET", f"{PATH}/large")
        answer = connection.getresponse()
        size, at = 0, time.perf_counter()
        while piece := answer.read(PIECE):
            begun.set()
            size += len(piece)
            if name == "downloads":
                at = wait_for(at)
        assert (answer.status, size) in ((200, LARGE), (200, len(BODY)))
        connection.close()
        count.value += 1


def paced(begun: Event, piece: bytes) -> Iterator[bytes]:
    """Give a large body at the speed of the network."""
    at = time.perf_counter()
    for _ in range(LARGE // len(piece)):
        yield piece
        begun.set()
        at = wait_for(at)


def wait_for(at: float) -> float:
    """Wait until a piece may follow the one of `at`; give when that is."""
    at += PIECE / NETWORK
    time.sleep(max(0.0, at - time.perf_counter()))
    return at


def p99(results: Sequence[tuple[Result, int]]) -> float:
    """Give the median of the rounds' 99th percentiles, in ms."""
    return statistics.median(result.percentile(0.99) for result, _ in results)


def row(name: str, results: Sequence[tuple[Result, int]], alone: float) -> tuple:
    """Write the figures of one row: medians of the rounds."""
    moved = sum(count for _, count in results) * LARGE / 2**20 / sum(result.seconds for result, _ in results)
    p50 = statistics.median(result.percentile(0.5) for result, _ in results)
    failed = sum(result.failures for result, _ in results)
    return name, p50, p99(results), p99(results) / alone, moved or None, failed
