"""The Registry beside etcd, on this machine and in one run: put, watch and get the same records.

put    register an instance again with another version / Put of the same instance as a protobuf value
get    GetInstance / Range of one key          list   ListInstances / Range of the prefix, 100 records
watch  from sending a put until a watcher has it: puts 150 ms apart, and each sent when the last one has arrived

Both answer a put when the write is committed: etcd's is on the disk then (fsync), ours is in SQLite's log (WAL,
synchronous=NORMAL), which a power cut may lose and the instances' next beats bring back. Ours tells watchers of a type
at most every 100 ms, etcd of every write. Ours verifies the caller's token; its limit of registrations is lifted here.
Not shown: a cluster of etcd, other sizes of value, many watchers, and a load that leaves the cores to the servers.
"""

import itertools
import os
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

from tests.benchmarks.load import Result, measure
from tests.benchmarks.registry import running
from tests.benchmarks.stores import Ours, Store, etcd, name_of
from tests.benchmarks.tables import Cell, figures, table

SECONDS = float(os.environ.get("MT_BENCH_SECONDS", "4"))
RECORDS = 100
CALLERS = 1, 8
APART, EVENTS = 0.15, 40
PAUSE = 0.5  # seconds between rows, for what a row leaves to be done
SETTINGS = {"MT_LEASE_TTL": "600", "MT_REGISTER_RATE": "1000000"}  # nobody beats here
COLUMNS = ("", "ours/s", "p50 ms", "p99 ms", "etcd/s", "p50 ms", "p99 ms", "failed", "rate ratio", "p50 ratio")


def main() -> int:
    """Measure both, print them side by side; the exit code tells whether any call failed."""
    print(f"{RECORDS} records, {SECONDS:g} s a row, {EVENTS} events a watch row; ratios are ours / etcd")
    with running(**SETTINGS) as registry, registry.channel() as channel:
        ours = measured(Ours(registry, channel, RECORDS))
    with etcd(RECORDS) as store:
        theirs = measured(store) if store else {}
    print(table(COLUMNS, [row(name, result, theirs.get(name)) for name, result in ours.items()]))
    return int(any(result.failures for result in [*ours.values(), *theirs.values()]))


def measured(store: Store) -> dict[str, Result]:
    """Give all rows of a store."""
    for number in range(RECORDS):
        store.put(number, "0")
    found = {}
    for name, run in rows_of(store):
        time.sleep(PAUSE)
        found[name] = run()
    return found


def rows_of(store: Store) -> Iterator[tuple[str, Callable[[], Result]]]:
    """Yield each row's name and what runs it."""
    version = itertools.count(1)

    def put(number: int) -> bool:
        store.put(number, str(next(version)))
        return True

    sends = {
        "put": put,
        "get": lambda number: bool(store.get(number)),
        f"list of {RECORDS}": lambda _: store.list() == RECORDS,
    }
    for (name, send), callers in itertools.product(sends.items(), CALLERS):
        yield f"{name}, {callers} at once", lambda send=send, callers=callers: loop(send, callers)
    yield "put to watcher, 150 ms apart", lambda: watched(store, APART)
    yield "put to watcher, one after another", lambda: watched(store, 0.0)


def loop(send: Callable[[int], bool], callers: int) -> Result:
    """Let each caller work on a record of its own."""
    numbers = itertools.count()
    return measure(send, clients=callers, seconds=SECONDS, client=lambda: nullcontext(next(numbers)))


def watched(store: Store, apart: float) -> Result:
    """Put a record again and again; take the time until it comes out of the watch."""
    arrived: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
    mine, latencies, busy = name_of(0), [], 0.0
    stop = store.watch(lambda name, version: arrived.put((time.perf_counter(), version)) if name == mine else None)
    for number in range(EVENTS):
        time.sleep(apart)
        begun = time.perf_counter()
        store.put(0, f"w{apart}-{number}")
        while (news := arrived.get(timeout=30))[1] != f"w{apart}-{number}":
            pass
        latencies.append((news[0] - begun) * 1000)
        busy += time.perf_counter() - begun + apart
    stop()
    return Result(EVENTS, 0, busy, latencies)


def row(name: str, ours: Result, theirs: Result | None) -> list[Cell]:
    """Write one row; without etcd its half is empty."""
    mine = figures(ours)
    if theirs is None:
        return [name, *mine, None, None, None, ours.failures, None, None]
    other = figures(theirs)
    return [name, *mine, *other, ours.failures + theirs.failures, mine[0] / other[0], mine[1] / other[1]]
