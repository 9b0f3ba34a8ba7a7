"""Envelope: an event as it travels, in the terms of CloudEvents 1.0."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from uuid_utils.compat import uuid7

from libs.contracts.event import Event

SPECVERSION = "1.0"


class MalformedEnvelope(ValueError):
    """What arrived is not an event; the text names the fault."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A fact with its address: who published it, about which object, as which one of that object's facts.

    `sequence` counts 1, 2, 3 … without gaps per (source, aggregate_id). `time` is RFC 3339. `data` are JSON values.
    """

    id: str
    source: str
    type: str
    subject: str
    time: str
    dataversion: int
    aggregate_id: str
    sequence: int
    actor_id: str
    request_id: str
    traceparent: str
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event, *, sequence: int, actor_id: str = "", **attributes: Any) -> "Envelope":
        """Wrap `event`; `attributes` replace what is made up here: id, time, subject, request_id, traceparent."""
        made: dict[str, Any] = {
            "id": str(uuid7()),
            "source": event.source,
            "type": event.type,
            "subject": f"{event.type.split('.')[1]}/{event.aggregate_id}",
            "time": timezone.now().isoformat().replace("+00:00", "Z"),
            "dataversion": event.dataversion,
            "aggregate_id": event.aggregate_id,
            "sequence": sequence,
            "actor_id": actor_id,
            "request_id": "",
            "traceparent": "",
            "data": event.data(),
        }
        return cls(**{**made, **attributes})

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object that travels; its `data` is this one's own, no copy."""
        return {"specversion": SPECVERSION, **{name: getattr(self, name) for name in ATTRIBUTES}}

    @classmethod
    def from_json(cls, value: Any) -> "Envelope":
        """Read a JSON object; unknown attributes are ignored, a missing or wrong one is MalformedEnvelope."""
        if not isinstance(value, Mapping):
            raise MalformedEnvelope("an event is a JSON object")
        return cls(**{name: _attribute(value, name, kind) for name, kind in ATTRIBUTES.items()})


ATTRIBUTES: dict[str, type] = {
    field.name: {"dataversion": int, "sequence": int, "data": dict}.get(field.name, str)
    for field in dataclasses.fields(Envelope)
}


def _attribute(value: Mapping[str, Any], name: str, kind: Any) -> Any:
    found: Any = value.get(name)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise MalformedEnvelope(f"{name} is not of type {kind.__name__}: {found!r:.100}")
    if name in _LARGEST and not 0 < found <= _LARGEST[name]:
        raise MalformedEnvelope(f"{name} is out of range: {found}")
    return found


_LARGEST = {"dataversion": 2**31 - 1, "sequence": 2**63 - 1}
