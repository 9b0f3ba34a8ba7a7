"""Between the nouns of discovery and their protobuf messages. Enum values are lower-case words on this side."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from libs.discovery.model import (
    DEFAULT_WEIGHT,
    HealthKind,
    HealthSpec,
    HealthStatus,
    Instance,
    LastCheck,
    Load,
    Registration,
    State,
    Visibility,
)
from libs.rpc import registry_pb2 as pb

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PREFIXES = {
    pb.State: "STATE_",
    pb.Visibility: "VISIBILITY_",
    pb.Strategy: "STRATEGY_",
    pb.HealthStatus: "HEALTH_STATUS_",
    pb.HealthKind: "HEALTH_KIND_",
}


def word(enum: Any, number: int) -> str:
    """Give the word of an enum value, "" for unspecified and for values this version does not know."""
    if number == 0 or number not in enum.values():
        return ""
    return str(enum.Name(number)).removeprefix(_PREFIXES[enum]).lower()


def number(enum: Any, text: str | None) -> Any:
    """Give the enum value of a word, 0 (unspecified) for an empty one."""
    return enum.Value(_PREFIXES[enum] + text.upper()) if text else 0


def words(enum: Any, numbers: Iterable[int]) -> list[str]:
    """Give the words of several enum values."""
    return [word(enum, value) for value in numbers]


def instance_to_proto(instance: Instance) -> pb.Instance:
    """Write an instance as a message."""
    return pb.Instance(
        type=instance.type,
        id=instance.id,
        incarnation=instance.incarnation,
        state=number(pb.State, instance.state),
        visibility=number(pb.Visibility, instance.visibility),
        host=instance.host,
        http_port=instance.http_port,
        grpc_port=instance.grpc_port,
        address=instance.address,
        grpc_address=instance.grpc_address,
        routes=instance.routes,
        weight=instance.weight,
        zone=instance.zone,
        version=instance.version,
        metadata=instance.metadata,
        load=load_to_proto(instance.load),
        registered_at=_timestamp(instance.registered_at),
        lease_expires_at=_timestamp(instance.lease_expires_at),
        last_check=_last_check_to_proto(instance.last_check),
        damped=instance.damped,
    )


def instance_from_proto(message: pb.Instance) -> Instance:
    """Read an instance from its message; a state unknown to this version counts as down."""
    return Instance(
        type=message.type,
        id=message.id,
        incarnation=message.incarnation,
        state=cast("State", word(pb.State, message.state) or "down"),
        visibility=cast("Visibility", word(pb.Visibility, message.visibility) or "internal"),
        host=message.host,
        http_port=message.http_port,
        grpc_port=message.grpc_port,
        address=message.address,
        grpc_address=message.grpc_address,
        routes=tuple(message.routes),
        weight=message.weight,
        zone=message.zone,
        version=message.version,
        metadata=dict(message.metadata),
        load=load_from_proto(message.load),
        registered_at=_moment(message, "registered_at"),
        lease_expires_at=_moment(message, "lease_expires_at"),
        last_check=_last_check_from_proto(message),
        damped=message.damped,
    )


def load_to_proto(load: Load) -> pb.Load:
    """Write a load as a message."""
    return pb.Load(in_flight=load.in_flight, cpu=load.cpu, queue_depth=load.queue_depth)


def load_from_proto(message: pb.Load | pb.LeaseRequest) -> Load:
    """Read a load from its message, or from a beat."""
    return Load(message.in_flight, message.cpu, message.queue_depth)


def registration_to_proto(registration: Registration) -> pb.RegisterRequest:
    """Write a registration as a message."""
    health = registration.health
    return pb.RegisterRequest(
        type=registration.type,
        id=registration.id,
        incarnation=registration.incarnation,
        host=registration.host,
        http_port=registration.http_port,
        grpc_port=registration.grpc_port,
        address=registration.address,
        routes=registration.routes,
        weight=registration.weight,
        zone=registration.zone,
        version=registration.version,
        metadata=registration.metadata,
        health=pb.HealthCheck(
            kind=number(pb.HealthKind, health.kind),
            path=health.path,
            interval=duration(health.interval),
            timeout=duration(health.timeout),
            fall=health.fall,
            rise=health.rise,
        ),
        ready=registration.ready,
    )


def registration_from_proto(message: pb.RegisterRequest) -> Registration:
    """Read a registration from its message; what is not given has the defaults of `Registration`."""
    return Registration(
        type=message.type,
        id=message.id,
        incarnation=message.incarnation,
        host=message.host,
        http_port=message.http_port,
        grpc_port=message.grpc_port,
        address=message.address,
        routes=tuple(message.routes),
        weight=message.weight if message.HasField("weight") else DEFAULT_WEIGHT,
        zone=message.zone,
        version=message.version,
        metadata=dict(message.metadata),
        health=_health_from_proto(message.health),
        ready=message.ready if message.HasField("ready") else True,
    )


def duration(seconds: float) -> Duration:
    """Write seconds as a Duration."""
    return Duration(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))


def seconds(message: Duration) -> float:
    """Read a Duration as seconds."""
    return message.seconds + message.nanos / 1e9


def _health_from_proto(message: pb.HealthCheck) -> HealthSpec:
    default = HealthSpec()
    return HealthSpec(
        kind=cast("HealthKind | None", word(pb.HealthKind, message.kind) or None),
        path=message.path or default.path,
        interval=seconds(message.interval) if message.HasField("interval") else default.interval,
        timeout=seconds(message.timeout) if message.HasField("timeout") else default.timeout,
        fall=message.fall or default.fall,
        rise=message.rise or default.rise,
    )


def _last_check_to_proto(check: LastCheck | None) -> pb.LastCheck | None:
    if check is None:
        return None
    return pb.LastCheck(
        at=_timestamp(check.at),
        status=number(pb.HealthStatus, check.status),
        latency_ms=check.latency_ms,
        detail=check.detail,
    )


def _last_check_from_proto(message: pb.Instance) -> LastCheck | None:
    if not message.HasField("last_check"):
        return None
    check = message.last_check
    status = cast("HealthStatus", word(pb.HealthStatus, check.status) or "critical")
    return LastCheck(check.at.ToDatetime(tzinfo=UTC), status, check.latency_ms, check.detail)


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    since = moment - _EPOCH  # Timestamp.FromDatetime takes several times as long
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def _moment(message: pb.Instance, field: str) -> datetime | None:
    return getattr(message, field).ToDatetime(tzinfo=UTC) if message.HasField(cast("Any", field)) else None
