"""Reading the catalog: what each caller may see of it."""

from collections.abc import Collection
from dataclasses import dataclass

from libs.discovery.balancers import DEFAULT_STRATEGY
from libs.discovery.errors import NoInstance
from libs.discovery.model import Instance, Visibility
from libs.identity.principal import Caller
from registry_svc.instances import access
from registry_svc.instances.catalog import Snapshot
from registry_svc.instances.observation import RESOLVED
from registry_svc.instances.registry import Registry


@dataclass(frozen=True, slots=True)
class ServiceType:
    """One service type and how many of its instances are well."""

    type: str
    visibility: Visibility
    instances: int
    healthy: int
    degraded: bool
    guards: tuple[str, ...]


def type_list(*, registry: Registry, caller: Caller) -> list[ServiceType]:
    """List the types that the caller may see, those without instances included."""
    return [_service_type(registry, service) for service in types_seen(registry=registry, caller=caller)]


def types_seen(*, registry: Registry, caller: Caller) -> list[str]:
    """Name the types that the caller may see."""
    services = registry.catalog.bundle.services
    return sorted(name for name, entry in services.items() if access.may_see(caller, entry))


def instance_list(
    *, registry: Registry, caller: Caller, service: str, states: Collection[str] = ()
) -> Snapshot:  # fmt: skip
    """List the instances of a type, all or those in certain states, by id."""
    access.visible(registry.catalog.bundle, caller, service)
    found = registry.catalog.snapshot(service)
    items = sorted(found.items, key=lambda instance: instance.id)
    if states:
        items = [each for each in items if each.state in states]
    return Snapshot(service, found.revision, tuple(items), found.degraded)


def instance_get(*, registry: Registry, caller: Caller, service: str, instance_id: str) -> Instance:
    """Give one instance."""
    access.visible(registry.catalog.bundle, caller, service)
    return registry.catalog.instance(service, instance_id)


def instance_resolve(
    *, registry: Registry, caller: Caller, service: str, strategy: str = "", zone: str = ""
) -> tuple[Instance, bool]:
    """Choose a suitable instance, of `zone` where one is well there; the second value says degraded. NoInstance."""
    access.visible(registry.catalog.bundle, caller, service)
    catalog, strategy = registry.catalog, strategy or DEFAULT_STRATEGY
    candidates = catalog.pool(service).near(zone)
    if not candidates:
        raise NoInstance.of(service)
    chosen = registry.balancers.choose(service, strategy, candidates, catalog.in_flight)
    RESOLVED.labels(service, strategy).inc()
    return catalog.newest(chosen), catalog.degraded(service)


def _service_type(registry: Registry, service: str) -> ServiceType:
    records = registry.catalog.records(service)
    return ServiceType(
        type=service,
        visibility=registry.catalog.bundle.services[service].visibility,
        instances=len(records),
        healthy=sum(record.state == "up" for record in records),
        degraded=registry.catalog.degraded(service),
        guards=registry.catalog.guards.of(service),
    )
