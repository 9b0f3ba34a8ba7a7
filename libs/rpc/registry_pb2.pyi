import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    STATE_STARTING: _ClassVar[State]
    STATE_UP: _ClassVar[State]
    STATE_DRAINING: _ClassVar[State]
    STATE_MAINTENANCE: _ClassVar[State]
    STATE_DOWN: _ClassVar[State]

class Visibility(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VISIBILITY_UNSPECIFIED: _ClassVar[Visibility]
    VISIBILITY_PUBLIC: _ClassVar[Visibility]
    VISIBILITY_INTERNAL: _ClassVar[Visibility]
    VISIBILITY_ADMIN: _ClassVar[Visibility]

class Strategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STRATEGY_UNSPECIFIED: _ClassVar[Strategy]
    STRATEGY_ROUND_ROBIN: _ClassVar[Strategy]
    STRATEGY_RANDOM: _ClassVar[Strategy]
    STRATEGY_WEIGHTED_ROUND_ROBIN: _ClassVar[Strategy]
    STRATEGY_WEIGHTED_RANDOM: _ClassVar[Strategy]
    STRATEGY_LEAST_LOAD: _ClassVar[Strategy]

class HealthStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_STATUS_UNSPECIFIED: _ClassVar[HealthStatus]
    HEALTH_STATUS_PASSING: _ClassVar[HealthStatus]
    HEALTH_STATUS_WARNING: _ClassVar[HealthStatus]
    HEALTH_STATUS_CRITICAL: _ClassVar[HealthStatus]

class HealthKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_KIND_UNSPECIFIED: _ClassVar[HealthKind]
    HEALTH_KIND_GRPC: _ClassVar[HealthKind]
    HEALTH_KIND_HTTP: _ClassVar[HealthKind]
    HEALTH_KIND_TCP: _ClassVar[HealthKind]
STATE_UNSPECIFIED: State
STATE_STARTING: State
STATE_UP: State
STATE_DRAINING: State
STATE_MAINTENANCE: State
STATE_DOWN: State
VISIBILITY_UNSPECIFIED: Visibility
VISIBILITY_PUBLIC: Visibility
VISIBILITY_INTERNAL: Visibility
VISIBILITY_ADMIN: Visibility
STRATEGY_UNSPECIFIED: Strategy
STRATEGY_ROUND_ROBIN: Strategy
STRATEGY_RANDOM: Strategy
STRATEGY_WEIGHTED_ROUND_ROBIN: Strategy
STRATEGY_WEIGHTED_RANDOM: Strategy
STRATEGY_LEAST_LOAD: Strategy
HEALTH_STATUS_UNSPECIFIED: HealthStatus
HEALTH_STATUS_PASSING: HealthStatus
HEALTH_STATUS_WARNING: HealthStatus
HEALTH_STATUS_CRITICAL: HealthStatus
HEALTH_KIND_UNSPECIFIED: HealthKind
HEALTH_KIND_GRPC: HealthKind
HEALTH_KIND_HTTP: HealthKind
HEALTH_KIND_TCP: HealthKind

class Load(_message.Message):
    __slots__ = ("in_flight", "cpu", "queue_depth")
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CPU_FIELD_NUMBER: _ClassVar[int]
    QUEUE_DEPTH_FIELD_NUMBER: _ClassVar[int]
    in_flight: int
    cpu: float
    queue_depth: int
    def __init__(self, in_flight: _Optional[int] = ..., cpu: _Optional[float] = ..., queue_depth: _Optional[int] = ...) -> None: ...

class LastCheck(_message.Message):
    __slots__ = ("at", "status", "latency_ms", "detail")
    AT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    status: HealthStatus
    latency_ms: float
    detail: str
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., status: _Optional[_Union[HealthStatus, str]] = ..., latency_ms: _Optional[float] = ..., detail: _Optional[str] = ...) -> None: ...

class HealthCheck(_message.Message):
    __slots__ = ("kind", "path", "interval", "timeout", "fall", "rise")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    FALL_FIELD_NUMBER: _ClassVar[int]
    RISE_FIELD_NUMBER: _ClassVar[int]
    kind: HealthKind
    path: str
    interval: _duration_pb2.Duration
    timeout: _duration_pb2.Duration
    fall: int
    rise: int
    def __init__(self, kind: _Optional[_Union[HealthKind, str]] = ..., path: _Optional[str] = ..., interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., fall: _Optional[int] = ..., rise: _Optional[int] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("type", "id", "incarnation", "state", "visibility", "host", "http_port", "grpc_port", "address", "grpc_address", "routes", "weight", "zone", "version", "metadata", "load", "registered_at", "lease_expires_at", "last_check", "damped")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    HTTP_PORT_FIELD_NUMBER: _ClassVar[int]
    GRPC_PORT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    GRPC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_AT_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_CHECK_FIELD_NUMBER: _ClassVar[int]
    DAMPED_FIELD_NUMBER: _ClassVar[int]
    type: str
    id: str
    incarnation: str
    state: State
    visibility: Visibility
    host: str
    http_port: int
    grpc_port: int
    address: str
    grpc_address: str
    routes: _containers.RepeatedScalarFieldContainer[str]
    weight: int
    zone: str
    version: str
    metadata: _containers.ScalarMap[str, str]
    load: Load
    registered_at: _timestamp_pb2.Timestamp
    lease_expires_at: _timestamp_pb2.Timestamp
    last_check: LastCheck
    damped: bool
    def __init__(self, type: _Optional[str] = ..., id: _Optional[str] = ..., incarnation: _Optional[str] = ..., state: _Optional[_Union[State, str]] = ..., visibility: _Optional[_Union[Visibility, str]] = ..., host: _Optional[str] = ..., http_port: _Optional[int] = ..., grpc_port: _Optional[int] = ..., address: _Optional[str] = ..., grpc_address: _Optional[str] = ..., routes: _Optional[_Iterable[str]] = ..., weight: _Optional[int] = ..., zone: _Optional[str] = ..., version: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., load: _Optional[_Union[Load, _Mapping]] = ..., registered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., lease_expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_check: _Optional[_Union[LastCheck, _Mapping]] = ..., damped: _Optional[bool] = ...) -> None: ...

class ServiceType(_message.Message):
    __slots__ = ("type", "visibility", "instances", "healthy", "degraded", "guards")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    HEALTHY_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    GUARDS_FIELD_NUMBER: _ClassVar[int]
    type: str
    visibility: Visibility
    instances: int
    healthy: int
    degraded: bool
    guards: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, type: _Optional[str] = ..., visibility: _Optional[_Union[Visibility, str]] = ..., instances: _Optional[int] = ..., healthy: _Optional[int] = ..., degraded: _Optional[bool] = ..., guards: _Optional[_Iterable[str]] = ...) -> None: ...

class ListTypesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTypesResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ServiceType]
    def __init__(self, items: _Optional[_Iterable[_Union[ServiceType, _Mapping]]] = ...) -> None: ...

class ListInstancesRequest(_message.Message):
    __slots__ = ("type", "states")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    type: str
    states: _containers.RepeatedScalarFieldContainer[State]
    def __init__(self, type: _Optional[str] = ..., states: _Optional[_Iterable[_Union[State, str]]] = ...) -> None: ...

class ListInstancesResponse(_message.Message):
    __slots__ = ("items", "revision")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Instance]
    revision: int
    def __init__(self, items: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class GetInstanceRequest(_message.Message):
    __slots__ = ("type", "id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    type: str
    id: str
    def __init__(self, type: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class ResolveRequest(_message.Message):
    __slots__ = ("type", "strategy", "zone")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    type: str
    strategy: Strategy
    zone: str
    def __init__(self, type: _Optional[str] = ..., strategy: _Optional[_Union[Strategy, str]] = ..., zone: _Optional[str] = ...) -> None: ...

class ResolveResponse(_message.Message):
    __slots__ = ("instance", "degraded")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    instance: Instance
    degraded: bool
    def __init__(self, instance: _Optional[_Union[Instance, _Mapping]] = ..., degraded: _Optional[bool] = ...) -> None: ...

class CheckHealthRequest(_message.Message):
    __slots__ = ("type", "id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    type: str
    id: str
    def __init__(self, type: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class CheckHealthResponse(_message.Message):
    __slots__ = ("status", "latency_ms", "detail")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    status: HealthStatus
    latency_ms: float
    detail: str
    def __init__(self, status: _Optional[_Union[HealthStatus, str]] = ..., latency_ms: _Optional[float] = ..., detail: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("type", "revision", "deltas")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    DELTAS_FIELD_NUMBER: _ClassVar[int]
    type: str
    revision: int
    deltas: bool
    def __init__(self, type: _Optional[str] = ..., revision: _Optional[int] = ..., deltas: _Optional[bool] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("type", "revision", "items", "degraded", "delta", "removed")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    type: str
    revision: int
    items: _containers.RepeatedCompositeFieldContainer[Instance]
    degraded: bool
    delta: bool
    removed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, type: _Optional[str] = ..., revision: _Optional[int] = ..., items: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ..., degraded: _Optional[bool] = ..., delta: _Optional[bool] = ..., removed: _Optional[_Iterable[str]] = ...) -> None: ...

class RegisterRequest(_message.Message):
    __slots__ = ("type", "id", "incarnation", "host", "http_port", "grpc_port", "address", "routes", "weight", "zone", "version", "metadata", "health", "ready")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    HTTP_PORT_FIELD_NUMBER: _ClassVar[int]
    GRPC_PORT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    type: str
    id: str
    incarnation: str
    host: str
    http_port: int
    grpc_port: int
    address: str
    routes: _containers.RepeatedScalarFieldContainer[str]
    weight: int
    zone: str
    version: str
    metadata: _containers.ScalarMap[str, str]
    health: HealthCheck
    ready: bool
    def __init__(self, type: _Optional[str] = ..., id: _Optional[str] = ..., incarnation: _Optional[str] = ..., host: _Optional[str] = ..., http_port: _Optional[int] = ..., grpc_port: _Optional[int] = ..., address: _Optional[str] = ..., routes: _Optional[_Iterable[str]] = ..., weight: _Optional[int] = ..., zone: _Optional[str] = ..., version: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., health: _Optional[_Union[HealthCheck, _Mapping]] = ..., ready: _Optional[bool] = ...) -> None: ...

class RegisterResponse(_message.Message):
    __slots__ = ("instance_id", "incarnation", "ttl", "heartbeat_every")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_EVERY_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    incarnation: str
    ttl: _duration_pb2.Duration
    heartbeat_every: _duration_pb2.Duration
    def __init__(self, instance_id: _Optional[str] = ..., incarnation: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., heartbeat_every: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class LeaseRequest(_message.Message):
    __slots__ = ("instance_id", "incarnation", "in_flight", "cpu", "queue_depth")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CPU_FIELD_NUMBER: _ClassVar[int]
    QUEUE_DEPTH_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    incarnation: str
    in_flight: int
    cpu: float
    queue_depth: int
    def __init__(self, instance_id: _Optional[str] = ..., incarnation: _Optional[str] = ..., in_flight: _Optional[int] = ..., cpu: _Optional[float] = ..., queue_depth: _Optional[int] = ...) -> None: ...

class LeaseResponse(_message.Message):
    __slots__ = ("desired_state", "heartbeat_every", "ttl")
    DESIRED_STATE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_EVERY_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    desired_state: State
    heartbeat_every: _duration_pb2.Duration
    ttl: _duration_pb2.Duration
    def __init__(self, desired_state: _Optional[_Union[State, str]] = ..., heartbeat_every: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class SetStateRequest(_message.Message):
    __slots__ = ("type", "id", "state", "reason")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    type: str
    id: str
    state: State
    reason: str
    def __init__(self, type: _Optional[str] = ..., id: _Optional[str] = ..., state: _Optional[_Union[State, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class DeregisterRequest(_message.Message):
    __slots__ = ("type", "id", "incarnation")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    type: str
    id: str
    incarnation: str
    def __init__(self, type: _Optional[str] = ..., id: _Optional[str] = ..., incarnation: _Optional[str] = ...) -> None: ...

class DeregisterResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
