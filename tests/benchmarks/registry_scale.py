"""What it costs one Registry to keep 1,000 and 5,000 leased instances, and to tell 100 watchers of a change.

One load process plays all instances (a lease stream and beats each, as the Registry asks for them) and all watchers
(an own connection each, all types, changes only). Reported: registering all, the first state to all watchers, 20 s of
steady state, ten changes of one instance until the last watcher has it, and whether any lease was lost.
Not shown: a connection per instance (here they share 50), checks over a network, and a load that does not share the
cores with the Registry: its own share of a core is a row, because where that nears 1 it is the load that is slow.
"""

import asyncio
import os
import statistics
import time
from typing import Any

from libs.devstack.memory import pss
from libs.discovery import HealthSpec
from libs.rpc import registry_pb2 as pb
from tests.benchmarks.fleet import SERVICE, Fleet
from tests.benchmarks.processes import Cpu, apart, rss
from tests.benchmarks.registry import Registry, running
from tests.benchmarks.tables import Cell, table

SIZES = tuple(map(int, os.environ.get("MT_BENCH_SIZES", "1000 5000").split()))
HEALTH: Any = os.environ.get("MT_BENCH_HEALTH", "tcp")
WATCHERS = 100
STEADY = 20.0  # seconds
CHANGES = 10
PATIENCE = 180.0


def main() -> int:
    """Measure each size with a Registry of its own, print; the exit code tells whether a lease was lost."""
    print(f"{WATCHERS} watchers; health checks over {HEALTH} every {HealthSpec().interval:g} s; {STEADY:g} s steady")
    found = [measured(size) for size in SIZES]
    print(table(("", *(f"{size:,}" for size in SIZES), "ratio"), rows(found)))
    return int(any(each.get(LOST, 1) or each.get(UP) != size for size, each in zip(SIZES, found, strict=True)))


def measured(size: int) -> dict[str, float]:
    """Give the figures of one size, with a Registry and a load process of its own."""
    with running() as registry:
        registry.wait_warm()
        return apart(play, registry, size)


def play(registry: Registry, size: int) -> dict[str, float]:
    """Be the load process; give what was measured before the patience ended."""
    found: dict[str, float] = {}
    try:
        asyncio.run(measure(registry, size, found))
    except TimeoutError:
        print(f"{size:,} instances: not within {PATIENCE:g} s, after {', '.join(found) or 'nothing'}", flush=True)
    return found


async def measure(registry: Registry, size: int, found: dict[str, float]) -> None:
    """Fill `found`, row by row."""
    async with Fleet(registry, HealthSpec(kind=HEALTH)) as fleet:
        begun = time.monotonic()
        await fleet.register(size, PATIENCE)
        found["s to register all"] = time.monotonic() - begun
        begun = time.monotonic()
        await fleet.watch(WATCHERS, PATIENCE)
        found["s until all watchers know all"] = time.monotonic() - begun
        await asyncio.sleep(3)
        await steady(registry, fleet, found)
        await changes(fleet, found)
        found[LOST] = len(fleet.losses)
        found[UP] = (await fleet.states()).count(pb.STATE_UP)
        for loss in sorted(fleet.losses)[:3]:
            print(f"  lost: {loss}", flush=True)


LOST, UP = "leases and watches lost", "up at the end"


async def steady(registry: Registry, fleet: Fleet, found: dict[str, float]) -> None:
    """Let it be, and see what that costs."""
    beats, messages, sent = fleet.answered, told(fleet), bytes_of(fleet)
    with Cpu(registry.pid) as cpu, Cpu(os.getpid()) as load:
        await asyncio.sleep(STEADY)
    found["beats answered per second"] = (fleet.answered - beats) / STEADY
    found["messages to all watchers"] = told(fleet) - messages
    found["MiB to all watchers"] = (bytes_of(fleet) - sent) / 2**20
    found["Registry: share of a core"] = cpu.share
    found["the load: share of a core"] = load.share
    found["Registry: RSS MiB"] = rss(registry.pid)
    found["Registry: PSS MiB"] = pss(registry.pid)


def told(fleet: Fleet) -> int:
    """Count what all watchers were sent."""
    return sum(watcher.messages for watcher in fleet.watchers)


def bytes_of(fleet: Fleet) -> int:
    """Count the bytes of these messages."""
    return sum(watcher.bytes for watcher in fleet.watchers)


async def changes(fleet: Fleet, found: dict[str, float]) -> None:
    """Change one instance again and again: maintenance, resume, maintenance …"""
    delays, before = [], bytes_of(fleet)
    for number in range(CHANGES):
        state = pb.STATE_UP if number % 2 else pb.STATE_MAINTENANCE
        delays.append(await fleet.change(f"{SERVICE}-0", state, PATIENCE))
        await asyncio.sleep(0.3)
    sent = bytes_of(fleet) - before
    found["a change: median watcher ms"] = 1000 * statistics.median(delay for each in delays for delay in each)
    found["a change: last watcher, median ms"] = 1000 * statistics.median(max(each) for each in delays)
    found["a change: last watcher, worst ms"] = 1000 * max(max(each) for each in delays)
    found["a change: KiB per watcher"] = sent / CHANGES / WATCHERS / 1024


def rows(found: list[dict[str, float]]) -> list[list[Cell]]:
    """Turn the figures of each size into rows; the ratio is the last size to the first."""
    names = list(dict.fromkeys(name for figures in found for name in figures))
    return [[name, *(each.get(name) for each in found), ratio(found, name)] for name in names]


def ratio(found: list[dict[str, float]], name: str) -> float | None:
    """Compare the last size with the first, where both were measured."""
    first, last = found[0].get(name), found[-1].get(name)
    return last / first if first and last is not None else None
