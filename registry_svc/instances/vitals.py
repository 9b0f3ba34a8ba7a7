"""Vitals: what the leases of one Registry last said, in the short form in which others read it once a beat."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from libs.discovery.model import LastCheck, Load
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.errors import UnknownInstance
from registry_svc.instances.records import Record

MAX_DETAIL = 100


def vitals_of(catalog: Catalog) -> dict[str, list[Any]]:
    """Write down load, remaining lease and last check of all own leases, by `type/id`."""
    now = catalog.clock()
    every = (record for service in catalog.bundle.services for record in catalog.records(service))
    return {
        f"{record.registration.type}/{record.registration.id}": _write(record, now)
        for record in every
        if record.owner == catalog.me
    }


def take_vitals(catalog: Catalog, owner: str, vitals: Mapping[str, Sequence[Any]]) -> None:
    """Take what `owner` wrote of its leases."""
    for name, values in vitals.items():
        service, _, instance_id = name.partition("/")
        try:
            record = catalog.record(service, instance_id)
            if record.owner != owner:
                continue
            load, remaining, check = _read(values)
            changed = (check and check.status) != (record.last_check and record.last_check.status)
            if changed:
                with catalog.change(service, instance_id, "checked elsewhere") as current:
                    current.last_check = check
            record.load, record.lease_expires = load, catalog.clock() + remaining
            record.last_check = check
        except UnknownInstance:
            continue


def _write(record: Record, now: float) -> list[Any]:
    load, check = record.load, record.last_check
    values: list[Any] = [load.in_flight, round(load.cpu, 3), load.queue_depth, round(record.lease_expires - now, 3)]
    if check is not None:
        values += [check.at.timestamp(), check.status, check.latency_ms, check.detail[:MAX_DETAIL].replace("\0", "")]
    return values


def _read(values: Sequence[Any]) -> tuple[Load, float, LastCheck | None]:
    in_flight, cpu, queue_depth, remaining, *check = values
    if not check:
        return Load(in_flight, cpu, queue_depth), remaining, None
    at, status, latency, detail = check
    return (
        Load(in_flight, cpu, queue_depth),
        remaining,
        LastCheck(datetime.fromtimestamp(at, UTC), status, latency, detail),
    )
