"""A small platform for the tests to look at: seven services, logs of two requests, two events."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from admin_svc.dashboard.instances import Check, Instance, Load
from admin_svc.dashboard.sources.recording import RecordingSource
from libs.contracts.names import SERVICES

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ROUTES = {"auth": ("/v1/auth", "/v1/users"), "todo": ("/v1/lists", "/v1/tasks", "/v1/labels")}
VISIBILITY = {"registry": "public", "gateway": "public", "admin": "admin"}


def an_instance(service: str = "todo", number: int = 1, state: str = "up", **fields: Any) -> Instance:
    port = 9000 + 10 * SERVICES.index(service) + number
    given = {
        "incarnation": f"life-of-{service}-{number}",
        "visibility": VISIBILITY.get(service, "internal"),
        "address": f"http://127.0.0.1:{port}",
        "version": "0.1.0",
        "routes": ROUTES.get(service, ()),
        "registered_at": datetime.now(UTC) - timedelta(minutes=42),
        "load": Load(0, 0.0, 0),
        "check": Check("passing", datetime.now(UTC) - timedelta(seconds=2), 1.4),
    }
    return Instance(service=service, id=f"{service}-{number}", state=state, **{**given, **fields})


def seven_services() -> list[Instance]:
    return [an_instance(service) for service in SERVICES]


def as_json(one: Instance) -> dict[str, Any]:
    check = one.check and {"status": one.check.status, "at": NOW.isoformat(), "latency_ms": one.check.latency_ms}
    return {
        "id": one.id,
        "type": one.service,
        "state": one.state,
        "incarnation": one.incarnation,
        "visibility": one.visibility,
        "address": one.address,
        "version": one.version,
        "routes": list(one.routes),
        "load": asdict(one.load),
        "damped": one.damped,
        "last_check": check,
    }


def a_record(message: str = "request done", after: float = 0.0, **fields: Any) -> dict[str, Any]:
    given = {"service": "todo", "instance": "todo-1", "level": "info", "logger": "todo", "request_id": "req-1"}
    return {"time": (NOW + timedelta(seconds=after)).isoformat(), "message": message, "attributes": {}} | given | fields


def play(source: RecordingSource, *instances: Instance, guards: Mapping[str, Sequence[str]] | None = None) -> None:
    """Script a platform in which all is well, but for the types that the Registry guards."""
    found = list(instances or seven_services())
    source.found = found
    types = {one.service for one in found}
    given = guards or {}
    kinds = [{"type": name, "degraded": name in given, "guards": list(given.get(name, ()))} for name in types]
    source.answer("GET", "registry", "/v1/services", {"items": kinds})
    for name in types:
        items = [as_json(one) for one in found if one.service == name]
        source.answer("GET", "registry", f"/v1/services/{name}/instances", {"items": items})
    source.answer("GET", "logger", "/v1/logs", {"items": [], "next_cursor": None})
    source.answer("GET", "logger", "/v1/logs/services", {"items": [{"service": "todo", "instance": "todo-1"}]})
    source.answer("GET", "logger", "/v1/logs/tail", {"items": [], "cursor": "c1", "gaps": []})
    source.answer("GET", "events", "/v1/stats", {"subscribers": []})
    for path in ("/v1/events", "/v1/deliveries"):
        source.answer("GET", "events", path, {"items": [], "next_cursor": None})
