"""Who may see and do what at the Registry, for both of its doors.

caller      sees types that are        of an instance                                   changes
external    public                     the fields in EXTERNAL_FIELDS                    nothing
service     public, internal           everything                                       its own type
admin       all                        everything                                       states of all, its own type

The Registry's own token, which its commands use, may do what an admin may.
"""

from typing import Any, cast

from libs.contracts.errors import Unauthenticated
from libs.discovery.documents import EXTERNAL_FIELDS, external_instance_to_json, instance_to_json
from libs.discovery.model import Instance
from libs.discovery.protos import instance_to_proto
from libs.identity.bundle import Bundle, ServiceEntry
from libs.identity.principal import Caller
from libs.rpc import registry_pb2 as pb
from registry_svc.instances.errors import NotYours, ServiceNotPublic, UnknownService

SEES = {
    "external": frozenset({"public"}),
    "service": frozenset({"public", "internal"}),
    "admin": frozenset({"public", "internal", "admin"}),
}


def may_see(caller: Caller, entry: ServiceEntry) -> bool:
    """Tell whether the caller may see a type."""
    return caller.service == "registry" or entry.visibility in SEES[caller.kind]


def visible(bundle: Bundle, caller: Caller, service: str) -> ServiceEntry:
    """Give the type's entry; UnknownService, or ServiceNotPublic for a known type that is not for this caller."""
    entry = bundle.get(service)
    if entry is None:
        raise UnknownService(f"There is no service type {service}.")
    if not may_see(caller, entry):
        raise ServiceNotPublic(f"The service type {service} is not for you to see.")
    return entry


def check_own(caller: Caller, service: str) -> None:
    """Let a service speak for its own type only."""
    _check_known(caller)
    if caller.service != service:
        raise NotYours(f"{caller.service} may not speak for {service}.")


def check_control(caller: Caller, service: str) -> None:
    """Let an admin, and the Registry's own commands, pass as well."""
    _check_known(caller)
    if caller.kind != "admin" and caller.service != "registry":
        check_own(caller, service)


def message(caller: Caller, instance: Instance) -> pb.Instance:
    """Write what the caller may know of an instance as a protobuf message."""
    full = instance_to_proto(instance)
    if caller.kind == "external":
        for field in pb.Instance.DESCRIPTOR.fields:
            if field.name not in EXTERNAL_FIELDS:
                full.ClearField(cast("Any", field.name))
        full.last_check.ClearField("latency_ms")
        full.last_check.ClearField("detail")
        if instance.last_check is None:
            full.ClearField("last_check")
    return full


def document(caller: Caller, instance: Instance) -> dict[str, Any]:
    """Write what the caller may know of an instance as JSON."""
    return (external_instance_to_json if caller.kind == "external" else instance_to_json)(instance)


def _check_known(caller: Caller) -> None:
    if caller.kind == "external":
        raise Unauthenticated("A service token is needed.")
