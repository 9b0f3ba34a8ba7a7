"""How long callers go on choosing an instance that is gone: after 50 times `kill -9`, then 10 times SIGSTOP.

Real processes hold leases of `todo`; ten clients with a snapshot and one that asks `Resolve` pick every millisecond.
A figure is the time from the signal to the last wrong pick of any of them. The replacement waits, imported, in a
process of its own, and has an id of its own. The exit code tells whether all were within the bar.
Not shown: what a request costs that meets a dead instance (a client tries another one at once), machines that are cut
off rather than killed (SIGSTOP stands for them: the connection stays, the beats end), and a Registry with many types.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

from libs.devstack.plan import ROOT
from tests.benchmarks.callers import KINDS, Callers
from tests.benchmarks.instance import SERVICE
from tests.benchmarks.load import percentile
from tests.benchmarks.registry import Registry, running
from tests.benchmarks.tables import Cell, table
from tests.system.stack import eventually

KILLS = int(os.environ.get("MT_BENCH_KILLS", "50"))
STOPS = int(os.environ.get("MT_BENCH_STOPS", "10"))
KILL_BAR, STOP_BAR = 1.0, 3.0  # seconds
INSTANCES, DIRECTORIES = 3, 10
QUIET = 0.25  # so long nobody has picked it: with three instances and eleven callers, it is out of all snapshots
GIVE_UP = 20.0


def main() -> int:
    """Start all, send the signals, print; the exit code tells whether all were within the bars."""
    print(
        f"{INSTANCES} instances, {DIRECTORIES} callers with a snapshot and one that asks, a pick each per millisecond"
    )
    with running() as registry, Victims(registry) as victims, Callers(registry, SERVICE, DIRECTORIES) as callers:
        registry.wait_warm()
        for _ in range(INSTANCES):
            victims.add(callers)
        callers.start()
        killed = [strike(victims, callers, signal.SIGKILL) for _ in range(KILLS)]
        stopped = [strike(victims, callers, signal.SIGSTOP) for _ in range(STOPS)]
    rows = [*rows_of("kill -9", callers, killed, KILL_BAR), *rows_of("SIGSTOP", callers, stopped, STOP_BAR)]
    print(table(("wrong picks after", "min ms", "median ms", "worst ms", "in time", "worst / bar"), rows))
    picks = ", ".join(f"{count:,} {kind}" for kind, count in callers.picks.items())
    print(f"picks: {picks}; {callers.without} found nobody")
    on_time = all(delay <= KILL_BAR for delay in delays(callers, killed)) and all(
        delay <= STOP_BAR for delay in delays(callers, stopped)
    )
    return int(not on_time or callers.without > 0)


class Strike(NamedTuple):
    """Who was struck, and when (monotonic)."""

    instance_id: str
    at: float


class Victims:
    """The processes: some live, one waits to take a place. Use as a context manager."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._live: list[tuple[str, subprocess.Popen[str]]] = []
        self._count = 0

    def __enter__(self) -> Self:
        self._spare = self._spawn()
        return self

    def __exit__(self, *exc: object) -> None:
        for _, process in [*self._live, self._spare]:
            process.kill()
            process.communicate()

    def _spawn(self) -> tuple[str, subprocess.Popen[str]]:
        self._count += 1
        name = f"{SERVICE}-{self._count}"
        key = str(self._registry.key(SERVICE))
        command = (sys.executable, "-m", "tests.benchmarks.instance", self._registry.address, key, name)
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline().strip() == "ready"
        return name, process

    def add(self, callers: Callers) -> None:
        """Let the spare one register, wait until every snapshot has it, and make the next spare one ready."""
        name, process = self._spare
        print(file=process.stdin, flush=True)
        eventually(lambda: callers.see(name), within=GIVE_UP, every=0.005, what=f"{name} is up")
        self._live.append((name, process))
        self._spare = self._spawn()

    def oldest(self) -> tuple[str, subprocess.Popen[str]]:
        """Give the one that has lived longest."""
        return self._live[0]

    def bury(self) -> None:
        """End the oldest, whatever its state, and forget it."""
        _, process = self._live.pop(0)
        process.kill()
        process.communicate()


def strike(victims: Victims, callers: Callers, number: signal.Signals) -> Strike:
    """Send the signal to the oldest instance, wait until nobody picks it any more, and replace it."""
    name, process = victims.oldest()
    at = time.monotonic()
    process.send_signal(number)
    eventually(
        lambda: time.monotonic() > max(at, callers.last_pick(name)) + QUIET,
        within=GIVE_UP,
        every=0.005,
        what=f"nobody picks {name}",
    )
    victims.bury()
    victims.add(callers)
    return Strike(name, at)


def delays(callers: Callers, struck: Sequence[Strike], kinds: Sequence[str] = KINDS) -> list[float]:
    """Give for each signal the seconds until the last wrong pick of these callers."""
    return [
        max(0.0, *(callers.last[kind].get(strike.instance_id, 0.0) - strike.at for kind in kinds)) for strike in struck
    ]


def rows_of(name: str, callers: Callers, struck: Sequence[Strike], bar: float) -> Iterator[Sequence[Cell]]:
    """Yield a row for all callers, and one for each kind of them."""
    if not struck:
        return
    for who, kinds in {"all callers": KINDS, **{kind: [kind] for kind in KINDS}}.items():
        found = delays(callers, struck, kinds)
        ordered = [delay * 1000 for delay in (min(found), percentile(found, 0.5), max(found))]
        in_time = sum(delay <= bar for delay in found)
        yield f"{name}: {who}", *ordered, f"{in_time} of {len(found)}", max(found) / bar
