"""Shapes of the bodies and query parameters; what the values may be is in `rules`, for both doors."""

from typing import Any

from rest_framework import serializers

from libs.contracts.errors import FieldError
from libs.discovery.balancers import STRATEGIES
from libs.discovery.model import DEFAULT_WEIGHT, HealthSpec
from libs.webapi.serializers import Query, Strict
from registry_svc.instances.observation import GUARDS

STATES = ("starting", "up", "draining", "maintenance", "down")
MAX_WAIT = 300
MAX_TEXT = 500
MAX_COUNT = 2**32 - 1

_default = HealthSpec()


class Unpaged(Query):
    """Query parameters of what is never long enough for pages."""

    limit = None  # type: ignore[assignment]  # so DRF removes a declared field
    cursor = None  # type: ignore[assignment]


class InstancesParams(Unpaged):
    """`states`: only instances in these, separated by commas."""

    states = serializers.CharField(required=False, help_text="only instances in these states, separated by commas")

    def validate_states(self, value: str) -> list[str]:
        """Refuse unknown states."""
        states = value.split(",")
        if not set(states) <= set(STATES):
            raise serializers.ValidationError(f"states are {', '.join(STATES)}")
        return states


class ResolveParams(Unpaged):
    """How to choose: by a strategy, and in a zone where one is well there."""

    strategy = serializers.ChoiceField(choices=list(STRATEGIES), required=False)
    zone = serializers.CharField(required=False)


class WatchParams(Unpaged):
    """`index` is the revision that the caller knows, `wait` how long to wait for another one (seconds)."""

    index = serializers.IntegerField(required=False, min_value=0)
    wait = serializers.IntegerField(required=False, min_value=0, max_value=MAX_WAIT)


class HealthBody(Strict):
    """How the Registry shall check the instance."""

    kind = serializers.ChoiceField(choices=["grpc", "http", "tcp"], required=False, allow_null=True)
    path = serializers.CharField(default=_default.path)
    interval = serializers.FloatField(default=_default.interval, help_text="seconds")
    timeout = serializers.FloatField(default=_default.timeout, help_text="seconds")
    fall = serializers.IntegerField(default=_default.fall, help_text="failed checks in a row until it is down")
    rise = serializers.IntegerField(default=_default.rise, help_text="good checks in a row until it is back")


class RegistrationBody(Strict):
    """What an instance tells of itself."""

    id = serializers.CharField()
    incarnation = serializers.CharField(help_text="a UUIDv7 made at process start")
    host = serializers.CharField()
    http_port = serializers.IntegerField(default=0)
    grpc_port = serializers.IntegerField(default=0)
    address = serializers.CharField(default="", allow_blank=True)
    routes = serializers.ListField(child=serializers.CharField(), default=list)
    weight = serializers.IntegerField(default=DEFAULT_WEIGHT)
    zone = serializers.CharField(default="", allow_blank=True)
    version = serializers.CharField(default="", allow_blank=True)
    metadata = serializers.DictField(child=serializers.CharField(allow_blank=True), default=dict)
    health = HealthBody(default=dict)
    ready = serializers.BooleanField(default=True)
    type = serializers.CharField(required=False, help_text="as in the path")


class BeatBody(Strict):
    """A heartbeat."""

    incarnation = serializers.CharField(required=False)
    in_flight = serializers.IntegerField(default=0, min_value=0, max_value=MAX_COUNT)
    cpu = serializers.FloatField(default=0.0, min_value=0.0, help_text="cores used since the last beat")
    queue_depth = serializers.IntegerField(default=0, min_value=0, max_value=MAX_COUNT)


class ReasonBody(Strict):
    """Why the state changes."""

    reason = serializers.CharField(default="", allow_blank=True, max_length=MAX_TEXT)


class LeaveBody(Strict):
    """Which process leaves; without it whoever holds the id."""

    incarnation = serializers.CharField(required=False)


class LastCheckOut(serializers.Serializer[Any]):
    """The latest health check."""

    at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=["passing", "warning", "critical"])
    latency_ms = serializers.FloatField(required=False)
    detail = serializers.CharField(required=False)


class LoadOut(serializers.Serializer[Any]):
    """What the instance works on."""

    in_flight = serializers.IntegerField()
    cpu = serializers.FloatField(help_text="cores used since the last beat: 0.5 is half of one")
    queue_depth = serializers.IntegerField(help_text="requests that wait for a thread")


class InstanceOut(serializers.Serializer[Any]):
    """An instance. Callers without a service token get fewer fields."""

    type = serializers.CharField()
    id = serializers.CharField()
    incarnation = serializers.UUIDField(required=False)
    state = serializers.ChoiceField(choices=list(STATES))
    visibility = serializers.ChoiceField(choices=["public", "internal", "admin"], required=False)
    host = serializers.CharField(required=False)
    http_port = serializers.IntegerField(required=False)
    grpc_port = serializers.IntegerField(required=False)
    address = serializers.CharField()
    grpc_address = serializers.CharField(required=False)
    routes = serializers.ListField(child=serializers.CharField())
    weight = serializers.IntegerField()
    zone = serializers.CharField()
    version = serializers.CharField()
    metadata = serializers.DictField(child=serializers.CharField(), required=False)
    load = LoadOut(required=False)
    registered_at = serializers.DateTimeField(required=False)
    lease_expires_at = serializers.DateTimeField(required=False)
    last_check = LastCheckOut(allow_null=True)
    damped = serializers.BooleanField(
        required=False, help_text="it went up and down too often and is held down for a while"
    )


class ResolvedOut(InstanceOut):
    """The chosen instance."""

    degraded = serializers.BooleanField()


class InstancesOut(serializers.Serializer[Any]):
    """The instances of a type."""

    items = InstanceOut(many=True)
    revision = serializers.IntegerField()


class WatchOut(InstancesOut):
    """The instances of a type at a revision."""

    type = serializers.CharField()
    degraded = serializers.BooleanField()


class TypeOut(serializers.Serializer[Any]):
    """A service type."""

    type = serializers.CharField()
    visibility = serializers.ChoiceField(choices=["public", "internal", "admin"])
    instances = serializers.IntegerField()
    healthy = serializers.IntegerField()
    degraded = serializers.BooleanField()
    guards = serializers.ListField(child=serializers.ChoiceField(choices=list(GUARDS)), help_text="why it is degraded")


class TypesOut(serializers.Serializer[Any]):
    """The service types that the caller may see."""

    items = TypeOut(many=True)


class HealthOut(serializers.Serializer[Any]):
    """The result of a proxied health check."""

    status = serializers.ChoiceField(choices=["passing", "warning", "critical"])
    latency_ms = serializers.FloatField()
    detail = serializers.CharField()


class GrantOut(serializers.Serializer[Any]):
    """A lease; times in seconds."""

    instance_id = serializers.CharField()
    incarnation = serializers.UUIDField()
    ttl = serializers.FloatField()
    heartbeat_every = serializers.FloatField()
    desired_state = serializers.ChoiceField(choices=list(STATES))


def type_mismatch(service: str) -> FieldError:
    """Say that the body's type is not that of the path."""
    return FieldError("/type", "invalid", f"the path says {service}")
