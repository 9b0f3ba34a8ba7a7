"""What `make up` runs: every process with its place in the order, its command and its environment.

Settings come from the environment, and the processes' own from `MT_*` variables: the same that compose sets.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from libs.contracts.names import SERVICES
from libs.devstack.folders import private_folder
from libs.service import embedded
from libs.service.env import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]

#: The stages in their order; those of one stage start together.
STAGES: Mapping[str, tuple[str, ...]] = {
    "registry": ("registry",),
    "logger": ("logger",),
    "base": ("auth", "events"),
    "todo": ("todo",),
    "doors": ("gateway", "admin"),
    "workers": ("events-worker", "auth-worker", "todo-worker"),
}
SCALABLE = ("todo", "auth", "gateway", "events-worker", "auth-worker", "todo-worker")
MOST = 16


@dataclass(frozen=True, slots=True)
class Ports:
    """The fixed ports; every other door takes a free one and tells the Registry."""

    gateway: int = 8080
    registry: int = 8081
    registry_grpc: int = 8091
    admin: int = 8082

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Ports":
        """Read MT_GATEWAY_PORT, MT_REGISTRY_PORT, MT_REGISTRY_GRPC_PORT and MT_ADMIN_PORT."""
        return cls(
            **{
                name: _port(f"MT_{name.upper()}_PORT", environ, default)
                for name, default in (("gateway", 8080), ("registry", 8081), ("registry_grpc", 8091), ("admin", 8082))
            }
        )


@dataclass(frozen=True, slots=True)
class Process:
    """One process: `name` is its instance id, `stage` says when it starts."""

    name: str
    stage: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole system on this machine."""

    home: Path
    ports: Ports
    scale: Mapping[str, int]
    broker_url: str  # empty: the embedded broker
    redis_url: str
    postgres_url: str  # empty: SQLite; else the address of a server, to which the database's name is added

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Plan":
        """Read SCALE, the ports, and where database, broker and Redis are if they are not embedded."""
        return cls(
            home=Path(environ.get("MT_HOME") or ROOT / "var").resolve(),
            ports=Ports.from_environment(environ),
            scale=parse_scale(environ.get("SCALE", "")),
            broker_url=environ.get("MT_BROKER_URL", ""),
            redis_url=environ.get("MT_REDIS_URL", ""),
            postgres_url=environ.get("MT_POSTGRES_URL", ""),
        )

    @property
    def keys(self) -> Path:
        """The folder of keys and passwords."""
        return self.home / "keys"

    def log_file(self, name: str) -> Path:
        """Give the file with the output of a process."""
        return self.home / "log" / f"{name}.log"

    def environment(self, service: str) -> dict[str, str]:
        """Give the variables of every process of `service`, its commands included."""
        private_folder(self.home)
        shared = {
            "MT_HOME": str(self.home),
            "MT_KEYS_DIR": str(self.keys),
            "MT_REGISTRY_ADDRESSES": f"127.0.0.1:{self.ports.registry_grpc}",
            "MT_REGISTRY_URLS": f"http://127.0.0.1:{self.ports.registry}",
            "MT_BROKER_URL": self.broker_url or embedded.broker_url(self.home),
            "MT_REDIS_URL": self.redis_url or embedded.redis_url(self.home),
            "MT_METRICS_TOKEN_FILE": str(self.keys / "metrics.token"),
            "MT_DRAIN_SECONDS": os.environ.get("MT_DRAIN_SECONDS", "0.5"),
        }
        if self.postgres_url:
            shared["MT_DATABASE_URL"] = f"{self.postgres_url.rstrip('/')}/{service}"
        return shared

    def processes(self) -> Iterator[Process]:
        """Yield all processes of services in the order of their start."""
        for stage, kinds in STAGES.items():
            for kind in kinds:
                for number in range(1, self.scale.get(kind, 1) + 1):
                    yield self._process(kind, number, stage)

    def _process(self, kind: str, number: int, stage: str) -> Process:
        service, _, worker = kind.partition("-")
        name = f"{kind}-{number}"
        environment = {
            **self.environment(service),
            "MT_INSTANCE": name,
            "MT_SUPERVISED": "1",
            "MT_LOG_FILE": str(self.log_file(name)),
            "PYTHONUNBUFFERED": "1",
        }
        if not worker and number == 1:
            environment |= self._fixed_ports(service)
        command = manage(service, "worker" if worker else "serve")
        return Process(name, stage, command, environment)

    def _fixed_ports(self, service: str) -> dict[str, str]:
        http = {"gateway": self.ports.gateway, "registry": self.ports.registry, "admin": self.ports.admin}
        found = {"MT_HTTP_PORT": str(http[service])} if service in http else {}
        if service == "registry":
            found["MT_GRPC_PORT"] = str(self.ports.registry_grpc)
        return found


def manage(service: str, *arguments: str) -> tuple[str, ...]:
    """Give the command line of a service's `manage.py`."""
    return (sys.executable, str(ROOT / f"{service}_svc" / "manage.py"), *arguments)


def parse_scale(text: str) -> dict[str, int]:
    """Read `todo=2 todo-worker=3`; ConfigurationError says in one line what is wrong."""
    scale = {}
    for part in text.split():
        match = re.fullmatch(r"([a-z-]+)=(\d{1,3})", part)
        kind, count = (match[1], int(match[2])) if match else ("", 0)
        if kind not in SCALABLE or not 1 <= count <= MOST:
            what = f"SCALE: {part!r} is not one of {', '.join(SCALABLE)} with =1 to ={MOST}"
            raise ConfigurationError(
                what if kind not in SERVICES else f"{what}; one {kind} is all that can run embedded"
            )
        scale[kind] = count
    return scale


def _port(name: str, environ: Mapping[str, str], default: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isdigit() or not 1 <= int(value) <= 65535:
        raise ConfigurationError(f"{name}: {value!r} is not a port")
    return int(value)
