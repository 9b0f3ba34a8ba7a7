"""The nouns of discovery: an Instance as the Registry tells of it, and the Registration that an instance makes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

State: TypeAlias = Literal["starting", "up", "draining", "maintenance", "down"]
HealthStatus: TypeAlias = Literal["passing", "warning", "critical"]
HealthKind: TypeAlias = Literal["grpc", "http", "tcp"]
Visibility: TypeAlias = Literal["public", "internal", "admin"]

#: What an instance's id and a public address look like.
INSTANCE_ID = re.compile(r"[a-z0-9-]{1,63}")
ADDRESS = re.compile(r"https?://[^\s/?#]+")
DEFAULT_WEIGHT = 100
MAX_WEIGHT = 1000


@dataclass(frozen=True, slots=True)
class LastCheck:
    """The result of a health check that the Registry made."""

    at: datetime
    status: HealthStatus
    latency_ms: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What an instance works on: requests in flight, cores used since the last beat, requests waiting for a thread."""

    in_flight: int = 0
    cpu: float = 0.0
    queue_depth: int = 0


@dataclass(frozen=True, slots=True)
class Instance:
    """One running instance of a service type. `address` is "http://host:port", `grpc_address` "host:port"."""

    type: str
    id: str
    incarnation: str = ""
    state: State = "up"
    visibility: Visibility = "internal"
    host: str = ""
    http_port: int = 0
    grpc_port: int = 0
    address: str = ""
    grpc_address: str = ""
    routes: tuple[str, ...] = ()
    weight: int = DEFAULT_WEIGHT
    zone: str = ""
    version: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    load: Load = field(default_factory=Load)
    registered_at: datetime | None = None
    lease_expires_at: datetime | None = None
    last_check: LastCheck | None = None
    damped: bool = False

    @property
    def effective_weight(self) -> float:
        """Give the weight that balancers use: a warning halves it."""
        warned = self.last_check is not None and self.last_check.status == "warning"
        return self.weight / 2 if warned else float(self.weight)


@dataclass(frozen=True, slots=True)
class HealthSpec:
    """How the Registry checks an instance. Without a kind: gRPC where there is a gRPC port, else HTTP. In seconds.

    `fall` failed checks in a row make it down, `rise` good ones bring it back.
    """

    kind: HealthKind | None = None
    path: str = "/healthz"
    interval: float = 5.0
    timeout: float = 2.0
    fall: int = 3
    rise: int = 2


@dataclass(frozen=True, slots=True)
class Registration:
    """What an instance tells the Registry of itself. `address`: where it differs from host and port."""

    type: str
    id: str
    incarnation: str
    host: str
    http_port: int = 0
    grpc_port: int = 0
    address: str = ""
    routes: tuple[str, ...] = ()
    weight: int = DEFAULT_WEIGHT
    zone: str = ""
    version: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    health: HealthSpec = field(default_factory=HealthSpec)
    ready: bool = True
