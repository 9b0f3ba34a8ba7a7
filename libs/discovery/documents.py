"""Between the nouns of discovery and their JSON documents, as the Registry's HTTP interface shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from libs.discovery.model import HealthSpec, Instance, LastCheck, Load, Registration

#: The fields that callers without a service token get.
EXTERNAL_FIELDS = ("type", "id", "state", "address", "routes", "weight", "zone", "version", "last_check")


def instance_to_json(instance: Instance) -> dict[str, Any]:
    """Write an instance as the contract's document."""
    check = instance.last_check
    return {
        "type": instance.type,
        "id": instance.id,
        "incarnation": instance.incarnation,
        "state": instance.state,
        "visibility": instance.visibility,
        "host": instance.host,
        "http_port": instance.http_port,
        "grpc_port": instance.grpc_port,
        "address": instance.address,
        "grpc_address": instance.grpc_address,
        "routes": list(instance.routes),
        "weight": instance.weight,
        "zone": instance.zone,
        "version": instance.version,
        "metadata": dict(instance.metadata),
        "load": load_to_json(instance.load),
        "registered_at": moment_to_json(instance.registered_at),
        "lease_expires_at": moment_to_json(instance.lease_expires_at),
        "last_check": check and check_to_json(check),
        "damped": instance.damped,
    }


def load_to_json(load: Load) -> dict[str, Any]:
    """Write a load."""
    return {"in_flight": load.in_flight, "cpu": load.cpu, "queue_depth": load.queue_depth}


def external_instance_to_json(instance: Instance) -> dict[str, Any]:
    """Write what a caller without a service token may know of an instance."""
    full = instance_to_json(instance)
    document = {name: full[name] for name in EXTERNAL_FIELDS}
    if full["last_check"]:
        document["last_check"] = {name: full["last_check"][name] for name in ("at", "status")}
    return document


def check_to_json(check: LastCheck) -> dict[str, Any]:
    """Write the result of a health check."""
    return {
        "at": moment_to_json(check.at),
        "status": check.status,
        "latency_ms": round(check.latency_ms, 3),
        "detail": check.detail,
    }


def instance_from_json(document: Mapping[str, Any]) -> Instance:
    """Read an instance from its document, the external form included."""
    known = {name: document[name] for name in _PLAIN if name in document}
    return Instance(
        **known,
        routes=tuple(document.get("routes", ())),
        load=Load(**document.get("load", {})),
        registered_at=moment_from_json(document.get("registered_at")),
        lease_expires_at=moment_from_json(document.get("lease_expires_at")),
        last_check=_check_from_json(document.get("last_check")),
    )


_PLAIN = (
    "type", "id", "incarnation", "state", "visibility", "host", "http_port", "grpc_port", "address", "grpc_address",
    "weight", "zone", "version", "metadata", "damped",
)  # fmt: skip


def registration_to_json(registration: Registration) -> dict[str, Any]:
    """Write the body of a registration over HTTP; type is in the path."""
    health = registration.health
    return {
        "id": registration.id,
        "incarnation": registration.incarnation,
        "host": registration.host,
        "http_port": registration.http_port,
        "grpc_port": registration.grpc_port,
        "address": registration.address,
        "routes": list(registration.routes),
        "weight": registration.weight,
        "zone": registration.zone,
        "version": registration.version,
        "metadata": dict(registration.metadata),
        "health": {
            **({"kind": health.kind} if health.kind else {}),
            "path": health.path,
            "interval": health.interval,
            "timeout": health.timeout,
            "fall": health.fall,
            "rise": health.rise,
        },
        "ready": registration.ready,
    }


def registration_from_json(service: str, document: Mapping[str, Any]) -> Registration:
    """Read the body of a registration of `service`; what is not given has the defaults of `Registration`."""
    fields = dict(document)
    health = HealthSpec(**fields.pop("health", {}))
    routes = tuple(fields.pop("routes", ()))
    return Registration(type=service, routes=routes, health=health, **fields)


def moment_to_json(moment: datetime | None) -> str | None:
    """Write an instant as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def moment_from_json(text: str | None) -> datetime | None:
    """Read an instant."""
    return datetime.fromisoformat(text) if text else None


def _check_from_json(document: Mapping[str, Any] | None) -> LastCheck | None:
    if not document:
        return None
    at = datetime.fromisoformat(document["at"])
    return LastCheck(at, document["status"], document.get("latency_ms", 0.0), document.get("detail", ""))
