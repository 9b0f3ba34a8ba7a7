"""An instance as the dashboard shows it: made from the Registry's JSON, tolerant to what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

DRAINED = ("draining", "maintenance")


@dataclass(frozen=True, slots=True)
class Check:
    """The last health check of an instance."""

    status: str
    at: datetime | None = None
    latency_ms: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What an instance works on; `cpu` in cores, 0.5 is half of one. None where the Registry does not say it."""

    in_flight: int = 0
    cpu: float | None = None
    queue_depth: int | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a service.

    `errors` counts its error records of the last 15 minutes; None where unknown. A `damped` one went up and down too
    often and is held down for a while.
    """

    service: str
    id: str
    state: str
    incarnation: str = ""
    visibility: str = ""
    address: str = ""
    grpc_address: str = ""
    version: str = ""
    zone: str = ""
    weight: int = 0
    load: Load = field(default_factory=Load)
    routes: tuple[str, ...] = ()
    registered_at: datetime | None = None
    check: Check | None = None
    errors: int | None = None
    damped: bool = False

    @property
    def tone(self) -> str:
        """Say how to colour the instance: good, warn or bad."""
        if self.state == "up":
            return {"warning": "warn", "critical": "bad"}.get(self.check.status if self.check else "", "good")
        return "bad" if self.state == "down" else "warn"

    @property
    def healthy(self) -> bool:
        """Say whether callers may use it and its last check has not failed."""
        return self.state == "up" and not (self.check and self.check.status == "critical")

    @property
    def drained(self) -> bool:
        """Say whether somebody has taken it out, so that it can be taken back."""
        return self.state in DRAINED

    def updated(self, newer: "Instance | None") -> "Instance":
        """Take load and last check from `newer`, unless it is of another life of the same slot."""
        if newer is None or newer.incarnation != self.incarnation:
            return self
        return replace(self, load=newer.load, check=newer.check or self.check)


def instance_of(data: Mapping[str, Any]) -> Instance:
    """Read the Registry's JSON of one instance."""
    last = data.get("last_check")
    return Instance(
        service=data.get("type", ""),
        id=data.get("id", ""),
        state=data.get("state", ""),
        incarnation=data.get("incarnation", ""),
        visibility=data.get("visibility", ""),
        address=data.get("address", ""),
        grpc_address=data.get("grpc_address", ""),
        version=data.get("version", ""),
        zone=data.get("zone", ""),
        weight=data.get("weight") or 0,
        load=load_of(data.get("load") or {}),
        routes=tuple(data.get("routes") or ()),
        registered_at=moment(data.get("registered_at")),
        check=check_of(last) if last else None,
        damped=bool(data.get("damped")),
    )


def load_of(data: Mapping[str, Any]) -> Load:
    """Read the Registry's JSON of a load."""
    return Load(data.get("in_flight") or 0, data.get("cpu"), data.get("queue_depth"))


def check_of(data: Mapping[str, Any]) -> Check:
    """Read the Registry's JSON of a health check."""
    return Check(
        status=data.get("status") or "unknown",
        at=moment(data.get("at")),
        latency_ms=data.get("latency_ms"),
        detail=data.get("detail") or "",
    )


def moment(value: object) -> datetime | None:
    """Read an RFC 3339 time; None for anything else."""
    if isinstance(value, datetime):
        return value
    try:
        return parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
