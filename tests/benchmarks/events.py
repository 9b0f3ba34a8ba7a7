"""Events from the commit to the effect at three subscribers, beside a fan-out as a Celery tutorial would write it.

Ours: an outbox row in the transaction, relay, Events with its ledger, batches to each subscriber, inbox, and an
acknowledgement. The other: after the commit one Celery task for each subscriber, acknowledged late; nothing else, so
what dies with a process is lost. Both have one publisher and one worker for each subscriber, the same effect (one row
in a database of its own), the same broker and the same two cores; ours has a process of Events more.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from operator import truediv
from pathlib import Path
from typing import ClassVar, Self

from libs.devstack.plan import ROOT
from libs.testing.keys import write_keys
from tests.benchmarks.fanout import SUBSCRIBERS
from tests.benchmarks.load import percentile
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.tables import Cell, table
from tests.chaos.events.brokers import RabbitMQ, Valkey
from tests.chaos.events.stores import POSTGRES, stores
from tests.system.stack import eventually, with_descendants

EVENTS = int(os.environ.get("MT_BENCH_EVENTS", "5000"))
BACKLOG_SIZE = int(os.environ.get("MT_BENCH_BACKLOG", "5000"))
ROUNDS = int(os.environ.get("MT_BENCH_ROUNDS", "2"))
RATE = float(os.environ.get("MT_BENCH_RATE", "50"))
SECONDS = float(os.environ.get("MT_BENCH_SECONDS", "15"))
#: The pool that ours has there; on Valkey it also is the faster one for plain Celery.
POOL = "prefork" if POSTGRES else "solo"
PATIENCE = 1200.0
OURS, RAW = "ours", "raw"
SATURATION, BACKLOG = "saturation", "backlog"
SETTINGS = {"events": "events_svc.config.settings"}
BAR, BAR_P50, BAR_P99 = 1.5, 50.0, 500.0


class Side:
    """Processes, databases and a broker of its own; a context manager."""

    #: How the workers of the subscribers are started, and what else runs: service → arguments.
    programs: ClassVar[Mapping[str, tuple[str, ...]]]
    kind: ClassVar[str]

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="mtb-"))
        for folder in ("log", "ports"):
            (self.home / folder).mkdir()
        write_keys(self.home / "keys")
        self.stores = stores(self.home)
        self.broker = RabbitMQ(self.home) if POSTGRES else Valkey(self.home)
        self.running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        try:
            self.broker.start()
            self._prepare()
            for service, arguments in self.programs.items():
                self._run(service, *arguments)
            self._run("todo", "-m", "tests.benchmarks.fanout", "publisher", self.kind)
            self.carry()
            self.wait_ready()
            self.publish(len(SUBSCRIBERS))
            self.wait_for_effects(len(SUBSCRIBERS))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        self.broker.stop()
        self.stores.drop()
        shutil.rmtree(self.home)

    def _prepare(self) -> None:
        services = ["todo", *self.programs]
        self.stores.prepare(services)
        for service in services:
            migrate = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "-v", "0"]
            subprocess.run(migrate, cwd=ROOT, env=self._environment(service), check=True, timeout=120)

    def _run(self, service: str, *arguments: str) -> None:
        with (self.home / "log" / f"{service}.log").open("ab") as log:
            self.running[service] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self._environment(service),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def _environment(self, service: str) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MT_", "DJANGO_"))},
            "DJANGO_SETTINGS_MODULE": SETTINGS.get(service, "tests.benchmarks.fanout.settings"),
            "FANOUT_SERVICE": service,
            "FANOUT_SIDE": self.kind,
            "MT_HOME": str(self.home),
            "MT_SECRET_KEY": "only-for-benchmarks-only-for-benchmarks-only-for-benchmarks",
            "MT_DATABASE_URL": self.stores.url(service),
            "MT_BROKER_URL": self.broker.url,
        }

    # -- what it is told ---------------------------------------------------------------------------------------

    def publish(self, count: int, rate: float = 0.0) -> None:
        """Commit so many changes, as fast as it goes or so many a second."""
        self._tell(f"publish {count} {rate}")

    def carry(self) -> None:
        """Let what is published reach the subscribers."""

    def hold(self) -> None:
        """Let it wait."""

    def wait_ready(self) -> None:
        """Wait until the subscribers are there."""

    def wait_for_rest(self) -> None:
        """Wait until nothing is left to do behind the effects."""

    def _tell(self, order: str) -> None:
        publisher = self.running["todo"]
        assert publisher.stdin
        assert publisher.stdout
        publisher.stdin.write(f"{order}\n")
        publisher.stdin.flush()
        assert publisher.stdout.readline() == "done\n", (self.home / "log" / "todo.log").read_text()

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        def holds() -> bool:
            dead = [service for service, process in self.running.items() if process.poll() is not None]
            assert not dead, f"{dead} ended: {(self.home / 'log' / f'{dead[0]}.log').read_text()}"
            return condition()

        eventually(holds, within=PATIENCE, every=0.25, what=what)

    # -- what came of it ---------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget the effects so far."""
        for service in SUBSCRIBERS:
            with self.stores.open(service) as database:
                database.execute("DELETE FROM fanout_effect")

    def wait_for_effects(self, count: int) -> None:
        """Wait until every subscriber has so many."""
        query = "SELECT count(*) FROM fanout_effect"
        for service in SUBSCRIBERS:
            self._wait_for(lambda service=service: self.stores.rows(service, query)[0][0] >= count, f"{count} effects")

    def effects(self) -> list[tuple[float, float]]:
        """Give when each was committed and applied, of all subscribers."""
        query = "SELECT committed_at, applied_at FROM fanout_effect"
        return [row for service in SUBSCRIBERS for row in self.stores.rows(service, query)]

    def used(self) -> dict[str, float]:
        """Give the CPU seconds that each service and the broker have used so far."""
        pids = {name: process.pid for name, process in self.running.items()} | {"broker": self.broker.process.pid}
        return {name: sum(map(cpu_seconds, with_descendants([pid]))) for name, pid in pids.items()}


class Ours(Side):
    """The event bus."""

    kind = OURS
    programs = {
        "events": ("-m", "tests.chaos.events", "events"),
        **dict.fromkeys(SUBSCRIBERS, ("-m", "tests.benchmarks.fanout", "worker")),
    }

    def carry(self) -> None:
        self._tell("carry")

    def hold(self) -> None:
        self._tell("hold")

    def wait_ready(self) -> None:
        query = "SELECT count(DISTINCT service) FROM deliveries_subscription"
        self._wait_for(lambda: self.stores.rows("events", query)[0][0] == len(SUBSCRIBERS), "the subscriptions")

    def wait_for_rest(self) -> None:
        for service, query in (
            ("todo", "SELECT count(*) FROM eventbus_outboxevent"),
            ("events", "SELECT count(*) FROM deliveries_delivery WHERE status != 'acked'"),
        ):
            self._wait_for(lambda service=service, query=query: self.stores.rows(service, query)[0][0] == 0, "rest")


class Raw(Side):
    """Celery alone. What is held are its workers: their tasks wait in the broker."""

    kind = RAW
    programs = {
        service: (
            *("-m", "celery", "-A", "tests.benchmarks.fanout.raw", "worker", "-Q", f"{service}.raw", "-n", service),
            *("--concurrency", "1", "--pool", POOL, "--loglevel", "WARNING"),
        )
        for service in SUBSCRIBERS
    }

    def carry(self) -> None:
        self._signal(signal.SIGCONT)

    def hold(self) -> None:
        self._signal(signal.SIGSTOP)

    def _signal(self, number: int) -> None:
        for service in SUBSCRIBERS:
            os.killpg(self.running[service].pid, number)


def main() -> int:
    """Let both take turns, print; the exit code tells whether a bar was missed."""
    where = "PostgreSQL and RabbitMQ" if POSTGRES else "SQLite and Valkey"
    print(f"{where}; {EVENTS:,} events, then {BACKLOG_SIZE:,} that wait, {ROUNDS} rounds; raw: --pool {POOL}")
    rates: dict[tuple[str, str], list[float]] = {}
    latencies: dict[str, list[float]] = {OURS: [], RAW: []}
    cpu: dict[str, dict[str, float]] = {OURS: {}, RAW: {}}
    with ExitStack() as stack:
        sides = [stack.enter_context(kind()) for kind in (Ours, Raw)]
        for _ in range(ROUNDS):
            for side in sides:
                rates.setdefault((SATURATION, side.kind), []).append(saturation(side))
                before = side.used()
                rates.setdefault((BACKLOG, side.kind), []).append(backlog(side))
                for name, seconds in side.used().items():
                    cpu[side.kind][name] = cpu[side.kind].get(name, 0.0) + seconds - before[name]
                latencies[side.kind] += latency(side)
    print(table(("", "side", "events per second", "ratio", "in rounds", "bar"), compared(rates)))
    print(f"\n{RATE:g} changes a second, from the commit to the effect")
    rows = [(side, percentile(each, 0.5), percentile(each, 0.99), max(each)) for side, each in latencies.items()]
    print(table(("", "p50 ms", "p99 ms", "worst ms"), rows))
    print("\nCPU µs per event of the backlog")
    print(table(("", *cpu[OURS]), [(side, *spent(used, cpu[OURS])) for side, used in cpu.items()]))
    return int(not met(rates, latencies[OURS]))


def saturation(side: Side) -> float:
    """Publish as fast as it goes; give events per second until the last effect."""
    side.clear()
    began = time.time()
    side.publish(EVENTS)
    return rate(side, EVENTS, began)


def backlog(side: Side) -> float:
    """Publish while nothing is carried, then let go; give events per second until the last effect."""
    side.clear()
    side.hold()
    side.publish(BACKLOG_SIZE)
    began = time.time()
    side.carry()
    return rate(side, BACKLOG_SIZE, began)


def rate(side: Side, count: int, began: float) -> float:
    """Give events per second since `began`, when the effects of so many are there."""
    side.wait_for_effects(count)
    lasted = max(applied for _, applied in side.effects()) - began
    side.wait_for_rest()
    return count / lasted


def latency(side: Side) -> list[float]:
    """Publish at a calm pace; give the milliseconds from each commit to each effect."""
    count = round(RATE * SECONDS)
    side.clear()
    side.publish(count, RATE)
    side.wait_for_effects(count)
    side.wait_for_rest()
    return [(applied - committed) * 1000 for committed, applied in side.effects()]


def compared(rates: Mapping[tuple[str, str], Sequence[float]]) -> Iterator[tuple[Cell, ...]]:
    """Write each row: medians of the rounds, and the ratios."""
    for row in (SATURATION, BACKLOG):
        ours, raw = rates[row, OURS], rates[row, RAW]
        ratios = [one / other for one, other in zip(ours, raw, strict=True)]
        spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
        verdict = "met" if statistics.median(ratios) >= BAR else "not met"
        yield row, OURS, statistics.median(ours), statistics.median(ratios), spread, f"{BAR:g}: {verdict}"
        yield "", RAW, statistics.median(raw), 1, "", ""


def spent(used: Mapping[str, float], names: Iterable[str]) -> list[float | None]:
    """Write CPU seconds as microseconds per event."""
    return [used[name] / BACKLOG_SIZE / ROUNDS * 1e6 if name in used else None for name in names]


def met(rates: Mapping[tuple[str, str], Sequence[float]], latencies: Sequence[float]) -> bool:
    """Tell whether all bars are met, and print those of the latency."""
    p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
    calm = p50 < BAR_P50 and p99 < BAR_P99
    print(f"\nbars of the latency: p50 {BAR_P50:g} ms, p99 {BAR_P99:g} ms: {'met' if calm else 'not met'}")
    return calm and all(
        statistics.median(map(truediv, rates[row, OURS], rates[row, RAW])) >= BAR for row in (SATURATION, BACKLOG)
    )
