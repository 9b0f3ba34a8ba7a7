"""The running platform: the Registry's live snapshot, and the other services over the internal protocol."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings

from admin_svc.dashboard.instances import Check, Instance, Load
from admin_svc.dashboard.sources.base import Params
from admin_svc.dashboard.sources.registry import RegistryClient
from libs import discovery
from libs.service.identity import signer

TIMEOUT = 5.0


class PlatformSource:
    """Facts from the platform this service belongs to."""

    def __init__(self) -> None:
        """Use the process's directory and the registries of the settings."""
        self._registry = RegistryClient(settings.REGISTRY_URLS, signer())

    def instances(self) -> Sequence[Instance]:
        """Give the directory's snapshot."""
        services = discovery.directory().services()
        return [shown(one) for instances in services.values() for one in instances]

    def on_change(self, callback: Callable[[], None]) -> None:
        """Hear of every change that the Registry pushes."""
        discovery.directory().on_change(lambda _service: callback())

    def get(self, service: str, path: str, params: Params | None = None) -> Any:
        """Read JSON; the Registry is asked over HTTP because it has no bridge."""
        if service == "registry":
            return self._registry.call("GET", path, params=params)
        answer = discovery.ServiceClient(service).get(path, params=dict(params or {}), timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    def post(self, service: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask for an action."""
        if service == "registry":
            return self._registry.call("POST", path, body=body or {})
        answer = discovery.ServiceClient(service).post(path, json=dict(body or {}), timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json() if answer.body else None


def shown(instance: discovery.Instance) -> Instance:
    """Translate the platform's instance into the dashboard's."""
    last, load = instance.last_check, instance.load
    return Instance(
        service=instance.type,
        id=instance.id,
        state=instance.state,
        incarnation=instance.incarnation,
        visibility=instance.visibility,
        address=instance.address,
        grpc_address=instance.grpc_address,
        version=instance.version,
        zone=instance.zone,
        weight=instance.weight,
        load=Load(load.in_flight, load.cpu, load.queue_depth),
        routes=tuple(instance.routes),
        registered_at=instance.registered_at,
        check=Check(last.status, last.at, last.latency_ms, last.detail) if last else None,
        damped=instance.damped,
    )
