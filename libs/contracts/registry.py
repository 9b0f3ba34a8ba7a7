"""Facts that `registry` publishes, ordered per instance."""

from dataclasses import dataclass, field
from typing import ClassVar

from libs.contracts.event import Event


@dataclass(frozen=True, kw_only=True)
class InstanceEvent(Event):
    """What all events of an instance carry: its service type, its id, which process it is, and why this happened."""

    aggregate: ClassVar[str] = "instance"

    service: str = field(metadata={"name": "type"})
    instance: str
    incarnation: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class InstanceUp(InstanceEvent):
    """It takes requests. After another `up` of the same instance: a new process does, in the old one's place."""

    type: ClassVar[str] = "registry.instance.up"


@dataclass(frozen=True, kw_only=True)
class InstanceDraining(InstanceEvent):
    """It takes no new requests, because it or an operator wants that: it leaves, or rests in maintenance."""

    type: ClassVar[str] = "registry.instance.draining"


@dataclass(frozen=True, kw_only=True)
class InstanceDown(InstanceEvent):
    """It is not there any more: it left, died, fell silent, or its health checks fail."""

    type: ClassVar[str] = "registry.instance.down"
