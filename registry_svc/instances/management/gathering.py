"""Takes the doctor's picture: asks every registry, all instances, the database and the settings."""

import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError

from libs.discovery.model import Instance
from registry_svc.instances.doctor import registries_agree
from registry_svc.instances.management import probing
from registry_svc.instances.management.asking import registry_addresses
from registry_svc.instances.management.past import transitions
from registry_svc.instances.picture import Picture, Reading, Setup, name, state_began

SETTLE_SECONDS = 1.0  # what a registry knows has spread to the others by then
OTHERS = 0o077


def gather(address: str, wait: Callable[[float], None] = time.sleep) -> Picture:
    """Take the picture; `address` is that of the registry to ask first."""
    now = datetime.now(UTC)
    readings = _readings(address)
    if any(registries_agree(Picture(now, readings))):  # somebody may have come or gone between two answers
        wait(SETTLE_SECONDS)
        readings = _readings(address)
    instances = Picture(now, readings).instances
    connections = probing.connections(instances)
    began, fault = _began(instances)
    return Picture(
        now=now,
        readings=readings,
        setup=setup(),
        connections=connections,
        skews=probing.skews(instances, connections),
        began=began,
        database_fault=fault,
    )


def setup() -> Setup:
    """Read the settings that the doctor looks at."""
    return Setup(
        lease_ttl=settings.LEASE_TTL,
        reap_after=settings.REAP_AFTER,
        evict_percent=settings.EVICT_PERCENT,
        metrics_token=bool(settings.METRICS_TOKEN),
        embedded=settings.EMBEDDED,
        registries=len(settings.REGISTRY_ADDRESSES),
        open_keys=tuple(map(str, open_keys(settings.KEYS_DIR))),
    )


def open_keys(folder: Path) -> list[Path]:
    """Find the keys of ours that others can read. Keys mounted into a container are not ours, and must be open."""
    if not _is_open(folder):
        return []
    files = [each for each in folder.iterdir() if each.is_file() and each.name != "services.json"]
    return sorted(each for each in files if each.stat().st_uid == os.geteuid() and _is_open(each))


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & OTHERS)


def _readings(address: str) -> tuple[Reading, ...]:
    over_grpc = [partial(probing.read_grpc, each) for each in registry_addresses(address)]
    over_http = [partial(probing.read_http, each) for each in settings.REGISTRY_URLS]
    return tuple(probing.at_once(lambda read: read(), [*over_grpc, *over_http]))


def _began(instances: Iterable[Instance]) -> tuple[dict[str, datetime], str]:
    """Find since when instances drain or rest: from the history, or for as long as they are known."""
    found: dict[str, datetime] = {}
    try:
        transitions(limit=1)  # tells whether the database answers
        for each in instances:
            if each.state in ("draining", "maintenance"):
                past = ((change.at, change.after) for change in transitions(each.type, each.id))
                began = state_began(each.state, past) or each.registered_at
                if began:
                    found[name(each)] = began
    except DatabaseError as error:
        return {}, " ".join(str(error).split())
    return found, ""
