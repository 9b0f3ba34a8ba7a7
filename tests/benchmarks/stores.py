"""Two places to keep instances, behind the same four methods: our Registry, and etcd with the same records as values.

Both are spoken to through grpcio's synchronous stubs on one channel. Ours also checks who calls; etcd is not asked to.
"""

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import grpc

from libs.discovery import HealthSpec
from libs.discovery.channels import OPTIONS, stub
from libs.discovery.protos import registration_to_proto
from libs.rpc import registry_pb2 as pb
from libs.testing.ports import free_ports
from tests.benchmarks.load import is_good
from tests.benchmarks.registry import HOST, Registry, end, registration
from tests.system.stack import eventually

SERVICE, READER = "todo", "gateway"
TIMEOUT = 30.0
PREFIX = f"/services/{SERVICE}/"

#: Hears of each record that changed: its id and version.
Note = Callable[[str, str], None]


class Store(Protocol):
    """Keeps a record per number; a record says its version."""

    def put(self, number: int, version: str) -> None:
        """Write a record."""

    def get(self, number: int) -> str:
        """Read a record and give its version."""

    def list(self) -> int:
        """Read all records and count them."""

    def watch(self, note: Note) -> Callable[[], object]:
        """Follow all records from now on, on a thread of its own; give what ends that."""


class Ours:
    """The Registry: a put registers an instance again, not ready, so that no health check is part of it."""

    def __init__(self, registry: Registry, channel: grpc.Channel, count: int) -> None:
        self._stub: Any = stub(channel)
        self._registry = registry
        health = HealthSpec(kind="tcp", interval=300.0)
        port = registry.plan.ports.registry_grpc
        names = [name_of(number) for number in range(count)]
        self._messages = [
            registration_to_proto(registration(SERVICE, name, port, health, ready=False)) for name in names
        ]

    def put(self, number: int, version: str) -> None:
        message = self._messages[number]
        message.version = version
        self._stub.Register(message, timeout=TIMEOUT, metadata=self._registry.metadata(SERVICE))

    def get(self, number: int) -> str:
        request = pb.GetInstanceRequest(type=SERVICE, id=name_of(number))
        return str(self._stub.GetInstance(request, timeout=TIMEOUT, metadata=self._as_reader()).version)

    def list(self) -> int:
        request = pb.ListInstancesRequest(type=SERVICE)
        return len(self._stub.ListInstances(request, timeout=TIMEOUT, metadata=self._as_reader()).items)

    def watch(self, note: Note) -> Callable[[], object]:
        stream = self._stub.Watch(pb.WatchRequest(type=SERVICE, deltas=True), metadata=self._as_reader())
        follow(stream, lambda answer: [note(item.id, item.version) for item in answer.items])
        return stream.cancel

    def _as_reader(self) -> tuple[tuple[str, str], ...]:
        return self._registry.metadata(READER)


class Etcd:
    """etcd: a record is the same protobuf message, as the value of a key."""

    def __init__(self, protos: Any, services: Any, channel: grpc.Channel, count: int) -> None:
        self._protos = protos
        self._kv, self._watching = services.KVStub(channel), services.WatchStub(channel)
        self._records = [pb.Instance(type=SERVICE, id=name_of(number), **LIKE_OURS) for number in range(count)]

    def put(self, number: int, version: str) -> None:
        record = self._records[number]
        record.version = version
        request = self._protos.PutRequest(key=key_of(number), value=record.SerializeToString())
        self._kv.Put(request, timeout=TIMEOUT)

    def get(self, number: int) -> str:
        answer = self._kv.Range(self._protos.RangeRequest(key=key_of(number)), timeout=TIMEOUT)
        return pb.Instance.FromString(answer.kvs[0].value).version

    def list(self) -> int:
        request = self._protos.RangeRequest(key=PREFIX.encode(), range_end=AFTER_PREFIX)
        return len([pb.Instance.FromString(kv.value) for kv in self._kv.Range(request, timeout=TIMEOUT).kvs])

    def watch(self, note: Note) -> Callable[[], object]:
        over = threading.Event()
        create = self._protos.WatchCreateRequest(key=PREFIX.encode(), range_end=AFTER_PREFIX)

        def requests() -> Iterator[Any]:
            yield self._protos.WatchRequest(create_request=create)
            over.wait()  # the end of the requests would end the watch

        def told(answer: Any) -> None:
            for event in answer.events:
                record = pb.Instance.FromString(event.kv.value)
                note(record.id, record.version)

        follow(self._watching.Watch(requests()), told)
        return over.set


AFTER_PREFIX = PREFIX[:-1].encode() + b"0"  # the byte after "/" ends the range
LIKE_OURS: dict[str, Any] = {
    "incarnation": "01936d5e-5b7a-7c3e-8000-000000000000",
    "state": pb.STATE_STARTING,
    "visibility": pb.VISIBILITY_INTERNAL,
    "host": HOST,
    "grpc_port": 50051,
    "grpc_address": f"{HOST}:50051",
    "weight": 100,
}


def name_of(number: int) -> str:
    """Give the id of a record."""
    return f"{SERVICE}-{number}"


def key_of(number: int) -> bytes:
    """Give the key of a record."""
    return f"{PREFIX}{name_of(number)}".encode()


def follow(stream: Any, told: Callable[[Any], object]) -> None:
    """Read a stream on a thread until it is cancelled; return when its first message is there."""
    first = threading.Event()

    def read() -> None:
        try:
            for message in stream:
                told(message)
                first.set()
        except grpc.RpcError:
            return  # cancelled: nobody waits for more

    threading.Thread(target=read, daemon=True).start()
    assert first.wait(TIMEOUT), "the watch said nothing"


@contextmanager
def etcd(count: int) -> Iterator[Store | None]:
    """Run etcd with its default durability in a temporary folder; None where it is not installed."""
    program = shutil.which("etcd")
    if program is None:
        print("etcd is not on the PATH (Debian has it as the package etcd-server): rows of ours only")
        yield None
        return
    protos, services = grpc.protos_and_services("tests/benchmarks/etcd.proto")
    with (
        tempfile.TemporaryDirectory(prefix="mtb-etcd-") as folder,
        serving(program, Path(folder)) as address,
        grpc.insecure_channel(address, options=OPTIONS) as channel,
    ):
        store = Etcd(protos, services, channel, count)
        eventually(lambda: is_good(lambda _: store.list() == 0, None), within=30, what="etcd")
        yield store


@contextmanager
def serving(program: str, folder: Path) -> Iterator[str]:
    """Start the process; give the address it is about to listen on."""
    port, peer_port = free_ports(2)
    url, peer_url = f"http://{HOST}:{port}", f"http://{HOST}:{peer_port}"
    options = {
        "data-dir": folder / "data",
        "listen-client-urls": url,
        "advertise-client-urls": url,
        "listen-peer-urls": peer_url,
        "initial-advertise-peer-urls": peer_url,
        "initial-cluster": f"default={peer_url}",
    }
    with (folder / "log").open("wb") as output:
        command = [program, *(f"--{name}={value}" for name, value in options.items())]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield f"{HOST}:{port}"
    finally:
        end(process)
