"""How often the Registry says whom to ask, and how often a client finds that out from its own snapshot.

Rows: HTTP on connections kept alive, gRPC on one channel, each from a process of its own; and `RegistryDirectory.pick`
on one thread, per strategy, over 3 and 1,000 instances. The ratio compares with the HTTP row.
Not shown: what new connections and TLS cost, and a machine whose load does not share the cores with the Registry.
"""

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Self

from libs.discovery import HealthSpec, RegistryDirectory
from libs.discovery.balancers import STRATEGIES
from libs.discovery.channels import stub
from libs.discovery.protos import registration_to_proto
from libs.rpc import registry_pb2 as pb
from tests.benchmarks.load import Result, measure
from tests.benchmarks.processes import Cpu, apart
from tests.benchmarks.registry import HOST, Registry, registration, running
from tests.benchmarks.tables import figures, table
from tests.system.stack import eventually

SECONDS = float(os.environ.get("MT_BENCH_SECONDS", "6"))
CLIENTS = int(os.environ.get("MT_BENCH_CLIENTS", "8"))
FEW, MANY = 3, 1000
PICK_SECONDS = 1.0
COLUMNS = ("", "per second", "p50 ms", "p99 ms", "failed", "Registry's core", "ratio")


def main() -> int:
    """Start a Registry, fill it, measure, print; the exit code tells whether any answer failed."""
    print(f"{CLIENTS} callers, {SECONDS:g} s a row; picks on one thread, {PICK_SECONDS:g} s a row")
    with running(MT_LEASE_TTL="600") as registry:  # nobody beats here
        fill(registry, "gateway", FEW)
        fill(registry, "todo", MANY)
        rows = [
            (f"HTTP, {FEW} instances", *apart(while_watched, over_http, registry, "gateway")),
            (f"gRPC, {FEW} instances", *apart(while_watched, over_grpc, registry, "gateway")),
            (f"gRPC, {MANY:,} instances", *apart(while_watched, over_grpc, registry, "todo")),
            *((name, result, None) for name, result in picked(registry)),
        ]
    first = rows[0][1].rate
    print(table(COLUMNS, [(name, *figures(r), r.failures, cpu, r.rate / first) for name, r, cpu in rows]))
    return int(any(result.failures for _, result, _ in rows))


def fill(registry: Registry, service: str, count: int) -> None:
    """Register instances that are up; their checks are one TCP connection now and one in five minutes."""
    health = HealthSpec(kind="tcp", interval=300.0)
    with registry.channel() as opened:
        for number in range(1, count + 1):
            mine = registration(service, f"{service}-{number}", registry.plan.ports.registry_grpc, health)
            stub(opened).Register(registration_to_proto(mine), timeout=15, metadata=registry.metadata(service))


def while_watched(
    row: Callable[[Registry, str], Result], registry: Registry, service: str
) -> tuple[Result, float]:  # fmt: skip
    """Run a row; give the Registry's share of a core, too: where that nears 1, it was not the load that was slow."""
    with Cpu(registry.pid) as cpu:
        result = row(registry, service)
    return result, cpu.share


def over_http(registry: Registry, service: str) -> Result:
    """Resolve as a stranger over HTTP/1.1: each caller keeps its connection."""

    def send(connection: Connection) -> bool:
        connection.request("GET", f"/v1/services/{service}/resolve")
        answer = connection.getresponse()
        return "address" in json.loads(answer.read()) and answer.status == 200

    port = registry.plan.ports.registry
    return measure(send, clients=CLIENTS, seconds=SECONDS, client=lambda: Connection(HOST, port, timeout=30))


class Connection(http.client.HTTPConnection):
    """A connection that is closed at the end of its context."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def over_grpc(registry: Registry, service: str) -> Result:
    """Resolve as a service over gRPC: all callers share one channel."""
    request, caller = pb.ResolveRequest(type=service), registry.metadata("gateway")
    with registry.channel() as opened:
        resolve = stub(opened).Resolve
        return measure(
            lambda _: bool(resolve(request, timeout=30, metadata=caller).instance.id), clients=CLIENTS, seconds=SECONDS
        )


def picked(registry: Registry) -> Iterator[tuple[str, Result]]:
    """Pick from a client's own snapshot."""
    directory = RegistryDirectory([registry.address], registry.signer("gateway"), [registry.url])
    directory.start()
    try:
        eventually(lambda: len(directory.instances("todo")) == MANY, within=30, what="the snapshot")
        for service, count in (("gateway", FEW), ("todo", MANY)):
            for strategy in STRATEGIES:
                yield f"pick, {count:,} instances, {strategy}", picks(directory, service, strategy)
    finally:
        directory.stop()


def picks(directory: RegistryDirectory, service: str, strategy: str) -> Result:
    """Pick again and again on this thread."""
    latencies = []
    begun = now = time.perf_counter()
    while now < begun + PICK_SECONDS:
        directory.pick(service, strategy=strategy)
        before, now = now, time.perf_counter()
        latencies.append((now - before) * 1000)
    return Result(len(latencies), 0, now - begun, latencies)
