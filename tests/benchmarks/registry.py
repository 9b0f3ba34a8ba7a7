"""A Registry as a process of its own, alone: new keys, an embedded database in a temporary folder, free ports.

There is no Logger to ship to and no broker, so its log records and events wait in the folder, as they would while these
are away.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import requests
from uuid_utils.compat import uuid7

from libs.devstack.keys import write_keys
from libs.devstack.plan import ROOT, Plan, Ports, manage
from libs.discovery import HealthSpec, Registration
from libs.discovery.channels import channel, metadata, stub
from libs.identity.service_tokens import ServiceSigner, load_private_key
from libs.rpc import registry_pb2 as pb
from libs.testing.ports import free_ports
from tests.system.stack import eventually

READY_WITHIN = 60
STOPPED_WITHIN = 20
HOST = "127.0.0.1"


@dataclass(slots=True)
class Registry:
    """A running Registry as a load sees it: where it is, which process, and the keys to speak to it as any service."""

    plan: Plan
    pid: int = 0
    _signers: dict[str, ServiceSigner] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.plan.ports.registry_grpc}"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.plan.ports.registry}"

    def key(self, service: str) -> Path:
        """Give the file of a service's key."""
        return self.plan.keys / f"{service}.pem"

    def signer(self, service: str) -> ServiceSigner:
        """Give what signs as a service."""
        if service not in self._signers:
            self._signers[service] = ServiceSigner(service, load_private_key(self.key(service)))
        return self._signers[service]

    def metadata(self, service: str) -> tuple[tuple[str, str], ...]:
        """Say who calls over gRPC."""
        return metadata(self.signer(service))

    def channel(self) -> grpc.Channel:
        """Open a channel as the platform's own clients do."""
        return channel(self.address)

    def wait_warm(self) -> None:
        """Wait until it has watched for one lease: before that, it holds nobody's silence against them."""
        with self.channel() as opened:
            eventually(lambda: self._is_warm(stub(opened)), within=60, every=0.1, what="the end of the warm-up")

    def _is_warm(self, methods: Any) -> bool:
        types = methods.ListTypes(pb.ListTypesRequest(), timeout=5, metadata=self.metadata("admin")).items
        return bool(types) and not any(each.degraded for each in types)

    def __getstate__(self) -> tuple[Plan, int]:
        return self.plan, self.pid  # a load in a process of its own reads the keys itself

    def __setstate__(self, state: tuple[Plan, int]) -> None:
        self.plan, self.pid = state
        self._signers = {}


@contextmanager
def running(**settings: str) -> Iterator[Registry]:
    """Run a Registry; `settings` are MT_* variables that differ from the defaults."""
    home = Path(tempfile.mkdtemp(prefix="mtb-"))
    http_port, grpc_port = free_ports(2)
    ports = Ports(registry=http_port, registry_grpc=grpc_port)
    registry = Registry(Plan(home, ports, scale={}, broker_url="", redis_url="", postgres_url=""))
    try:
        write_keys(registry.plan.keys)
        with serving(registry, home / "registry.log", settings) as process:
            registry.pid = process.pid
            yield registry
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def serving(registry: Registry, log: Path, settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Migrate, start the process and wait until it answers."""
    ports = registry.plan.ports
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MT_", "DJANGO_"))}
    own = {"MT_HTTP_PORT": str(ports.registry), "MT_GRPC_PORT": str(ports.registry_grpc), "MT_SUPERVISED": "1"}
    environment = {**outside, **registry.plan.environment("registry"), **own, **settings}
    with log.open("wb") as output:
        common: dict[str, Any] = {"cwd": ROOT, "env": environment, "stdout": output, "stderr": output}
        migrated = subprocess.run(manage("registry", "migrate"), check=False, **common)
        assert migrated.returncode == 0, log.read_text()
        # It ends by itself when this process does: MT_SUPERVISED lets it watch the other end of its standard input.
        process = subprocess.Popen(manage("registry", "serve"), stdin=subprocess.PIPE, **common)
    try:
        eventually(lambda: is_ready(registry, process, log), within=READY_WITHIN, what="the Registry")
        yield process
    finally:
        end(process)


def is_ready(registry: Registry, process: subprocess.Popen[bytes], log: Path) -> bool:
    """Tell whether it answers; AssertionError with its output where it has ended."""
    assert process.poll() is None, log.read_text()
    try:
        return requests.get(f"{registry.url}/healthz", timeout=1).ok
    except requests.RequestException:
        return False


def end(process: subprocess.Popen[Any]) -> None:
    """Let a process end, or end it."""
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def registration(service: str, instance_id: str, port: int, health: HealthSpec, **fields: Any) -> Registration:
    """Make the registration of an instance that listens for gRPC on `port` of this machine."""
    return Registration(service, instance_id, str(uuid7()), HOST, grpc_port=port, health=health, **fields)
