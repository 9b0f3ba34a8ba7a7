"""The whole chain beside what it costs without one: the same tasks served by Django REST framework as in its tutorial.

Ours is the real system on this machine: gateway with token check, rate limits and access log, the hop to a TODO
instance, its database, an outbox row for each change and the event's way to its subscribers, logs shipped and stored.
The other is one Django project (`tests.benchmarks.plain`) under gunicorn: the same fields, ModelSerializer,
ModelViewSet, a token looked up in the database; nothing of the rest. Both have two processes for the views. They take
turns in rounds, on the same cores, which the load shares. A turn begins when the system has gone quiet, so that what is
left of the turn before is not paid by the other; the second table counts it, though, to the request that caused it,
and leaves out what each process uses anyway.
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from libs.devstack.plan import ROOT
from libs.testing.ports import free_ports
from tests.benchmarks.http_load import Target, load
from tests.benchmarks.load import Result, percentile
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.proxies import program
from tests.benchmarks.tables import Cell, table
from tests.system.stack import Stack, eventually, with_descendants
from tests.system.users import Person

SECONDS = float(os.environ.get("MT_BENCH_SECONDS", "4"))
CLIENTS = int(os.environ.get("MT_BENCH_CLIENTS", "8"))
ROUNDS = int(os.environ.get("MT_BENCH_ROUNDS", "4"))
SCALE = os.environ.get("MT_BENCH_SCALE", "todo=2")
#: Sync workers, which end each connection, serve a quarter to a half less here.
WORKERS = ("--workers", "2", "--worker-class", "gthread", "--threads", "2")
WARM_UP = 0.5  # seconds
TASKS = 50
OURS, PLAIN = "the whole system", "plain DRF"
LIST, CREATE = f"list of {TASKS} tasks", "create a task"
BARS = {LIST: 2.0, CREATE: 0.8}

#: Process → CPU seconds that it has used, or uses in a second.
Used = dict[str, float]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: what it is asked in each row, and who uses the CPU for it."""

    targets: Mapping[str, Target]
    pids: Callable[[], Mapping[str, Sequence[int]]]

    def used(self) -> Used:
        """Give the CPU seconds that each of its processes has used so far."""
        return {name: sum(map(cpu_seconds, pids)) for name, pids in self.pids().items()}


@dataclass(slots=True)
class Row:
    """What the turns of one side in one row have measured."""

    results: list[Result] = field(default_factory=list)
    used: Used = field(default_factory=dict)

    def add(self, result: Result, used: Used) -> None:
        """Take in one more turn."""
        self.results.append(result)
        for name in used:
            self.used[name] = self.used.get(name, 0.0) + used[name]

    @property
    def answers(self) -> int:
        return sum(result.answers for result in self.results)

    @property
    def failures(self) -> int:
        return sum(result.failures for result in self.results)

    def percentile(self, share: float) -> float:
        return percentile([latency for result in self.results for latency in result.latencies], share)


Rows = Mapping[tuple[str, str], Row]


def main() -> int:
    """Start both, let them take turns, print; the exit code tells whether any request failed."""
    if importlib.util.find_spec("gunicorn") is None:
        print("gunicorn is not installed: make bench does it, or uv sync --group bench", file=sys.stderr)
        return 2
    print(f"{CLIENTS} connections, {ROUNDS} rounds of {SECONDS:g} s; SCALE={SCALE}; gunicorn: {' '.join(WORKERS)}")
    with ExitStack() as stack:
        sides = {OURS: stack.enter_context(system()), PLAIN: stack.enter_context(plain())}
        rests = {name: at_rest(side) for name, side in sides.items()}
        rows = take_turns(sides, rests)
    print(table(("", "side", "per second", "p50 ms", "p99 ms", "failed", "ratio", "in rounds", "bar"), compared(rows)))
    print("\nCPU µs per request; what is left to do after a turn is included, what is used at rest is not")
    print(table(("", LIST, CREATE, "% of a core at rest"), [*spent(rows, OURS, rests), *spent(rows, PLAIN, rests)]))
    return int(any(row.failures for row in rows.values()))


@contextmanager
def system() -> Iterator[Side]:
    """Start the whole system with a user who has a list of tasks, and an empty one."""
    with Stack(scale=SCALE) as stack:
        person = Person(stack.gateway_url, "Bench").sign_up()
        full, empty = (person.make_list(name)["id"] for name in ("Full", "Empty"))
        for number in range(TASKS):
            person.make_task(full, f"Task {number}")
        token = person.session.headers["Authorization"]
        yield Side(
            targets(stack.ports.gateway, f"/v1/lists/{full}/tasks", f"/v1/lists/{empty}/tasks", token, {}),
            lambda: processes(stack),
        )


def processes(stack: Stack) -> dict[str, list[int]]:
    """Give the pids of all that runs, the supervisor included."""
    running = {name: with_descendants([info["pid"]]) for name, info in stack.processes().items() if info["pid"]}
    return running | {"supervisor": [stack.process.pid]}


@contextmanager
def plain() -> Iterator[Side]:
    """Start the plain project under gunicorn, with the same."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="mtb-") as home:
        environment = {**os.environ, "PLAIN_HOME": home}
        prepare = (sys.executable, "-m", "tests.benchmarks.plain.prepare", str(TASKS))
        made = json.loads(subprocess.run(prepare, cwd=ROOT, env=environment, check=True, capture_output=True).stdout)
        command = (
            *(sys.executable, "-m", "gunicorn", "tests.benchmarks.plain.wsgi:application", "--no-control-socket"),
            *("--bind", f"127.0.0.1:{port}", *WORKERS),
        )
        with program(command, Path(home) / "log", {"PLAIN_HOME": home}) as process:
            tasks = f"/tasks/?list={made['full']}"
            yield Side(
                targets(port, tasks, "/tasks/", f"Token {made['token']}", {"list": made["empty"]}),
                lambda: {"gunicorn": with_descendants([process.pid])},
            )


def targets(port: int, full: str, empty: str, authorization: str, more: Mapping[str, str]) -> dict[str, Target]:
    """Write both requests, and wait until both are answered well."""
    body = json.dumps({"title": "New", **more}).encode()
    headers = ("Host: api.example.org", "Accept: application/json", f"Authorization: {authorization}")
    get = message(f"GET {full} HTTP/1.1", headers)
    typed = (*headers, "Content-Type: application/json", f"Content-Length: {len(body)}")
    listing, creating = Target(port, get, -1), Target(port, message(f"POST {empty} HTTP/1.1", typed) + body, -1, 201)
    for each in (listing, creating):
        eventually(lambda each=each: answers(each), within=60, what=f"a good answer to {each.request[:40]!r}")
    return {LIST: listing, CREATE: creating}


def message(line: str, headers: Sequence[str]) -> bytes:
    """Write the head of a request."""
    return "\r\n".join([line, *headers, "", ""]).encode()


def answers(target: Target) -> bool:
    """Tell whether the good answer comes."""
    try:
        return not load(target, clients=1, seconds=0.01).failures
    except OSError:
        return False


def take_turns(sides: Mapping[str, Side], rests: Mapping[str, Used]) -> Rows:
    """Measure row by row and side by side, in rounds; a turn begins and ends in a quiet system."""
    rows: dict[tuple[str, str], Row] = {(row, name): Row() for row in BARS for name in sides}
    threshold = sum(rests[OURS].values()) * 1.3 + 0.05
    for (row, name), measured in list(rows.items()) * ROUNDS:
        side, target = sides[name], sides[name].targets[row]
        load(target, clients=CLIENTS, seconds=WARM_UP)
        wait_for_quiet(sides[OURS], threshold)
        before, begun = side.used(), time.monotonic()
        result = load(target, clients=CLIENTS, seconds=SECONDS)
        wait_for_quiet(sides[OURS], threshold)
        lasted = time.monotonic() - begun
        rest = {process: share * lasted for process, share in rests[name].items()}
        measured.add(result, less(less(side.used(), before), rest))
    return rows


def at_rest(side: Side) -> Used:
    """Wait until a side uses no less of a core any more, and give what each of its processes uses."""
    used = usage(side)
    for _ in range(20):
        before, used = used, usage(side)
        if sum(used.values()) >= sum(before.values()) * 0.9:
            break
    return usage(side, seconds=4.0)


def wait_for_quiet(side: Side, threshold: float) -> None:
    """Wait until a side uses no more of a core than that."""
    eventually(lambda: sum(usage(side).values()) <= threshold, within=60, what="a quiet system")


def usage(side: Side, seconds: float = 0.5) -> Used:
    """Give the share of a core that each process of a side uses now."""
    before, begun = side.used(), time.monotonic()
    time.sleep(seconds)
    used, lasted = less(side.used(), before), time.monotonic() - begun
    return {name: value / lasted for name, value in used.items()}


def less(used: Used, other: Used) -> Used:
    """Subtract, process by process; one that is new has used all of it since."""
    return {name: value - other.get(name, 0.0) for name, value in used.items()}


def compared(rows: Rows) -> Iterator[Sequence[Cell]]:
    """Write a line for each side of each row; the ratio is the median of those in the rounds."""
    for row, bar in BARS.items():
        ours, other = rows[row, OURS], rows[row, PLAIN]
        ratios = [mine.rate / its.rate for mine, its in zip(ours.results, other.results, strict=True)]
        span = f"{min(ratios):.2f}-{max(ratios):.2f}"
        yield row, OURS, *figures(ours), statistics.median(ratios), span, bar
        yield "", PLAIN, *figures(other), 1.0, "", None


def figures(row: Row) -> Sequence[Cell]:
    """Write rate, latencies and failures."""
    rate = statistics.median(result.rate for result in row.results)
    return rate, row.percentile(0.5), row.percentile(0.99), row.failures


def spent(rows: Rows, name: str, rests: Mapping[str, Used]) -> Iterator[Sequence[Cell]]:
    """Write the CPU time per request of each process of a side, and of all together."""
    columns, rest = [rows[row, name] for row in BARS], rests[name]
    each = {
        process: (*(1e6 * row.used[process] / row.answers for row in columns), 100 * rest.get(process, 0.0))
        for process in columns[0].used
    }
    if len(each) > 1:
        yield from ((f"  {process}", *values) for process, values in each.items())
    yield name, *map(sum, zip(*each.values(), strict=True))
