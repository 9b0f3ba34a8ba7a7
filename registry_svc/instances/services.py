"""Writing: registrations, leases, states, and probes on demand."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.contracts.errors import ValidationFailed
from libs.discovery.model import Instance, LastCheck, Load, Registration, State
from libs.identity.principal import Caller
from registry_svc.instances import access
from registry_svc.instances.errors import (
    CheckTimedOut,
    HealthCheckFailed,
    NotStored,
    StaleIncarnation,
    UnknownInstance,
    UnknownLease,
    Unreachable,
)
from registry_svc.instances.probes import Result
from registry_svc.instances.records import Holder, Record
from registry_svc.instances.registry import Registry
from registry_svc.instances.rules import check_registration

MAX_REASON = 500
#: A change of state is answered when it is on disk, or refused after so long (seconds).
STORE_PATIENCE = 5.0
#: A registration is answered after so long in any case: if it is lost, the instance's next beat brings it back.
REGISTER_PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease as its holder sees it; times in seconds."""

    instance_id: str
    incarnation: str
    ttl: float
    heartbeat_every: float
    desired_state: State


async def instance_register(*, registry: Registry, caller: Caller, registration: Registration) -> Grant:
    """Register or update an instance after a first health check, which `ready: false` leaves out."""
    access.check_own(caller, registration.type)
    entry = access.visible(registry.catalog.bundle, caller, registration.type)
    check_registration(registration, entry)
    registry.registrations.take((registration.type, registration.id))
    _known_record(registry, registration)
    first = await _first_check(registry, registration) if registration.ready else None
    record = _known_record(registry, registration)
    if record is None:
        _add(registry, registration, first)
    else:
        _update(registry, record, registration)
    grant = _grant(registry, registry.catalog.record(registration.type, registration.id))
    await _stored(registry, REGISTER_PATIENCE)
    return grant


def lease_renew(
    *,
    registry: Registry,
    caller: Caller,
    instance_id: str,
    incarnation: str = "",
    load: Load | None = None,
    holder: Holder | None = None,
) -> Grant:
    """Take a beat of one of the caller's instances; UnknownLease. `holder` is the stream that it came by.

    A beat takes the lease over from another Registry that held it.
    """
    access.check_own(caller, caller.service)
    catalog = registry.catalog
    try:
        with catalog.change(caller.service, instance_id, "the lease is held again") as record:
            if incarnation and incarnation != record.registration.incarnation:
                raise UnknownLease
            record.owner = catalog.me
            record.renew(expires=catalog.expiry(), load=load or Load(), holder=holder)
            return _grant(registry, record)
    except UnknownInstance:
        raise UnknownLease from None


def lease_now(*, registry: Registry, service: str, instance_id: str) -> Grant:
    """Give a lease as it is; UnknownInstance."""
    return _grant(registry, registry.catalog.record(service, instance_id))


def lease_break(*, registry: Registry, service: str, instance_id: str, holder: Holder) -> None:
    """Note that a stream of beats broke: most likely its process died, so ask it at once.

    Nothing happens where another stream took over. On the event loop only.
    """
    try:
        if registry.catalog.record(service, instance_id).holder is holder:
            registry.checker.doubt(service, instance_id)
    except UnknownInstance:
        return  # it left before its stream ended


async def instance_set_state(
    *, registry: Registry, caller: Caller, service: str, instance_id: str, state: str, reason: str = ""
) -> Instance:
    """Let an instance drain, rest in maintenance, or come `up` again; NotStored."""
    access.check_control(caller, service)
    access.visible(registry.catalog.bundle, caller, service)
    wanted = _WANTED.get(state)
    if wanted is None:
        raise ValidationFailed.of("/state", "invalid", "up, draining or maintenance")
    text = f"{caller.service}: {reason or state}"[:MAX_REASON]
    with registry.catalog.change(service, instance_id, text) as record:
        record.desired = wanted
    await _stored_for_sure(registry)
    return registry.catalog.instance(service, instance_id)


async def instance_deregister(
    *, registry: Registry, caller: Caller, service: str, instance_id: str, incarnation: str = ""
) -> None:
    """Forget an instance; an old incarnation cannot remove a new one. NotStored."""
    access.check_control(caller, service)
    access.visible(registry.catalog.bundle, caller, service)
    record = registry.catalog.record(service, instance_id)
    if incarnation and incarnation != record.registration.incarnation:
        raise StaleIncarnation
    registry.catalog.drop(service, instance_id, f"{caller.service}: deregistered")
    await _stored_for_sure(registry)


async def instance_probe(*, registry: Registry, caller: Caller, service: str, instance_id: str) -> LastCheck:
    """Ask an instance how it is, now. Unreachable and CheckTimedOut where it does not answer."""
    access.visible(registry.catalog.bundle, caller, service)
    key = (service, instance_id)
    registration = registry.catalog.record(*key).registration
    if caller.kind == "external":
        result = await registry.probes.shared(registry.catalog, registry.prober, key)
    else:
        result = await registry.prober.probe(registration)
    check = _answered(result, f"{service}/{instance_id}")
    return LastCheck(check.at, check.status, check.latency_ms) if caller.kind == "external" else check


_WANTED: dict[str, State] = {"up": "up", "draining": "draining", "maintenance": "maintenance"}


def _known_record(registry: Registry, registration: Registration) -> Record | None:
    """Give the record of this very incarnation, None for a new one; StaleIncarnation for an earlier one."""
    if registration.incarnation < registry.catalog.grave(registration.type, registration.id):
        raise StaleIncarnation
    try:
        record = registry.catalog.record(registration.type, registration.id)
    except UnknownInstance:
        return None
    known = record.registration.incarnation
    if registration.incarnation < known:
        raise StaleIncarnation
    return record if registration.incarnation == known else None


async def _first_check(registry: Registry, registration: Registration) -> LastCheck:
    result = await registry.prober.probe(registration)
    if result.check.status == "critical":
        detail = f"The first health check of {registration.type}/{registration.id} failed: {result.check.detail}"
        raise HealthCheckFailed(detail)
    return result.check


def _add(registry: Registry, registration: Registration, first: LastCheck | None) -> None:
    catalog = registry.catalog
    record = Record(
        registration,
        catalog.bundle.services[registration.type].visibility,
        datetime.now(UTC),
        "up" if registration.ready else "starting",
        catalog.expiry(),
        catalog.me,
        last_check=first,
    )
    catalog.put(record, "registered")
    if registration.ready:
        registry.checker.expect(record)


def _update(registry: Registry, record: Record, registration: Registration) -> None:
    """Take what the same process says anew of itself. Drain and maintenance stay; `ready` ends the starting."""
    mine = record.registration
    with registry.catalog.change(mine.type, mine.id, "registered again") as current:
        current.registration = registration
        if current.desired == "starting" and registration.ready:
            current.desired = "up"
        current.owner = registry.catalog.me
        current.renew(expires=registry.catalog.expiry(), load=current.load, holder=current.holder)


def _grant(registry: Registry, record: Record) -> Grant:
    mine, every = record.registration, registry.catalog.heartbeat_every
    return Grant(mine.id, mine.incarnation, 3 * every, every, record.desired)


async def _stored(registry: Registry, patience: float) -> bool:
    """Wait until all changes so far are on disk; tell whether they are."""
    try:
        async with asyncio.timeout(patience):
            await asyncio.wrap_future(registry.catalog.journal.flush())
    except TimeoutError:
        return False
    return True


async def _stored_for_sure(registry: Registry) -> None:
    if not await _stored(registry, STORE_PATIENCE):
        raise NotStored(retry_after=1)


def _answered(result: Result, name: str) -> LastCheck:
    if result.failure == "timeout":
        raise CheckTimedOut(f"{name} did not answer the health check in time.")
    if result.failure == "unreachable":
        raise Unreachable(f"{name} can't be reached.")
    return result.check
