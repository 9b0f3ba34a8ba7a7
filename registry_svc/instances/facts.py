"""Facts: what other services are told of an instance when the journal has changed its row.

They follow from the row before and after the change, not from a Registry's memory. The row is locked, so whichever
Registry writes, each change is told once; and what was told is known to the next process, and to every other Registry.
"""

from dataclasses import dataclass
from typing import Self

from libs.contracts.registry import InstanceDown, InstanceDraining, InstanceEvent, InstanceUp
from registry_svc.instances.models import StoredInstance

#: What tells of a state. All others are `down` to other services: also one that still starts was not there before.
_EVENTS: dict[str, type[InstanceEvent]] = {
    "up": InstanceUp,
    "draining": InstanceDraining,
    "maintenance": InstanceDraining,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Which process an instance is, and in which state; an empty one: it is not there."""

    incarnation: str
    state: str

    @classmethod
    def of(cls, row: StoredInstance) -> Self:
        """Read it off a row."""
        state = "down" if row.down else row.desired
        return cls(row.incarnation, state if row.gone_at is None else "")

    @property
    def event(self) -> type[InstanceEvent]:
        """What tells of it."""
        return _EVENTS.get(self.state, InstanceDown)


def fact(row: StoredInstance, before: Standing, reason: str) -> InstanceEvent | None:
    """Give what is to be told of the change of a row; None where it is nothing to others."""
    now = Standing.of(row)
    same_process = now.incarnation == before.incarnation or now.event is InstanceDown
    if same_process and now.event is before.event:
        return None
    return now.event(service=row.type, instance=row.instance_id, incarnation=row.incarnation, reason=reason)
