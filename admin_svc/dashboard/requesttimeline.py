"""One request as data: its log records and events from all services, placed on a common axis of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from admin_svc.dashboard import selectors
from admin_svc.dashboard.eventledger import events_of_request
from admin_svc.dashboard.instances import moment


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened for the request. `offset_ms` counts from the first step, `share` is 0 to 100."""

    at: datetime
    offset_ms: float
    share: float
    kind: str
    service: str
    instance: str
    level: str
    message: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The steps of one request in order of time."""

    request_id: str
    steps: Sequence[Step]

    @property
    def services(self) -> list[str]:
        """Name the services the request touched, in order."""
        return list(dict.fromkeys(step.service for step in self.steps))

    @property
    def duration_ms(self) -> float:
        """Give the time from the first step to the last."""
        return self.steps[-1].offset_ms if self.steps else 0.0


def request_timeline(request_id: str) -> Timeline:
    """Collect everything known about a request; ServiceError where Logger is away."""
    facts = [("log", record) for record in selectors.request_records(request_id=request_id)]
    facts += [("event", _as_record(event)) for event in events_of_request(request_id)]
    timed = [(at, kind, fact) for kind, fact in facts if (at := moment(fact.get("time")))]
    timed.sort(key=lambda entry: entry[0])
    if not timed:
        return Timeline(request_id, [])
    start, end = timed[0][0], timed[-1][0]
    length = (end - start).total_seconds() or 1.0
    return Timeline(request_id, [_step(at, start, length, kind, fact) for at, kind, fact in timed])


def _step(at: datetime, start: datetime, length: float, kind: str, fact: Mapping[str, Any]) -> Step:
    offset = (at - start).total_seconds()
    return Step(
        at=at,
        offset_ms=offset * 1000,
        share=100 * offset / length,
        kind=kind,
        service=str(fact.get("service") or ""),
        instance=str(fact.get("instance") or ""),
        level=str(fact.get("level") or "").lower(),
        message=str(fact.get("message") or ""),
        attributes=fact.get("attributes") or {},
    )


def _as_record(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "time": event.get("time"),
        "service": event.get("source"),
        "level": "event",
        "message": event.get("type"),
        "attributes": {"id": event.get("id"), "subject": event.get("subject"), **(event.get("data") or {})},
    }
