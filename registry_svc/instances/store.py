"""The tables as the journal and the cluster use them. With PostgreSQL, other Registries are told of each change."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias, cast

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from libs.discovery.documents import registration_from_json
from libs.discovery.model import Registration, State
from registry_svc.instances.models import StoredInstance, Transition

#: The type and the id of an instance.
Key: TypeAlias = tuple[str, str]

#: The PostgreSQL channel of changes. A payload names the sender and at most so many keys: 8,000 bytes are the most.
CHANNEL = "registry_changes"
KEYS_A_MESSAGE = 40

#: So long no earlier incarnation of an instance that left can return.
TOMBSTONE_DAYS = 1

_COLUMNS = [field.name for field in StoredInstance._meta.concrete_fields if not field.primary_key]  # noqa: SLF001
_SAVE_BATCH = 100


@dataclass(frozen=True, slots=True)
class Saved:
    """What is kept of an instance. `owner` is the Registry that holds its lease; `gone`: it left, this is its grave."""

    registration: Registration
    desired: State
    down: bool
    damped: bool
    owner: str
    registered_at: datetime
    gone: bool = False

    @property
    def key(self) -> Key:
        """Name the instance."""
        return (self.registration.type, self.registration.id)


def load() -> list[Saved]:
    """Read all instances, tombstones included."""
    return [_saved(row) for row in StoredInstance.objects.order_by("registered_at")]


def read(keys: Collection[Key]) -> list[Saved]:
    """Read some instances."""
    return [_saved(row) for row in StoredInstance.objects.filter(_any_of(keys))]


def locked_rows(keys: Collection[Key]) -> dict[Key, StoredInstance]:
    """Read rows and lock them, in one order everywhere, so that two Registries do not wait for each other."""
    found = StoredInstance.objects.select_for_update().filter(_any_of(keys)).order_by("pk")
    return {(row.type, row.instance_id): row for row in found}


def save(rows: Sequence[StoredInstance]) -> None:
    """Insert what is new and update the rest; IntegrityError where another Registry inserted first.

    Rows that are known, and locked, are overwritten by an upsert: Django's bulk_update costs several times as much.
    """
    known = [row for row in rows if row.pk is not None]
    StoredInstance.objects.bulk_create([row for row in rows if row.pk is None], batch_size=_SAVE_BATCH)
    for row in known:
        row.pk = None
    StoredInstance.objects.bulk_create(
        known,
        batch_size=_SAVE_BATCH,
        update_conflicts=True,
        unique_fields=["type", "instance_id"],
        update_fields=[name for name in _COLUMNS if name not in ("type", "instance_id")],
    )


def announce(keys: Sequence[Key], *, sender: str) -> None:
    """Tell other Registries, when this transaction commits, which instances changed; on SQLite there are none."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for start in range(0, len(keys), KEYS_A_MESSAGE):
            payload = json.dumps({"from": sender, "keys": keys[start : start + KEYS_A_MESSAGE]})
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])


def announced(payload: str, *, me: str) -> list[Key]:
    """Read what another Registry announced; nothing of what was sent by `me`."""
    message: dict[str, Any] = json.loads(payload)
    return [] if message["from"] == me else [(service, instance) for service, instance in message["keys"]]


def forget_old(*, history_days: int) -> None:
    """Delete old history, and tombstones that have stood for long enough."""
    now = timezone.now()
    Transition.objects.filter(at__lt=now - timedelta(days=history_days)).delete()
    StoredInstance.objects.filter(gone_at__lt=now - timedelta(days=TOMBSTONE_DAYS)).delete()


def _any_of(keys: Iterable[Key]) -> Q:
    by_type: dict[str, list[str]] = {}
    for service, instance in keys:
        by_type.setdefault(service, []).append(instance)
    wanted = Q(pk__in=[])
    for service, instances in by_type.items():
        wanted |= Q(type=service, instance_id__in=instances)
    return wanted


def _saved(row: StoredInstance) -> Saved:
    return Saved(
        registration_from_json(row.type, row.registration),
        cast("State", row.desired),
        row.down,
        row.damped,
        row.owner,
        row.registered_at,
        gone=row.gone_at is not None,
    )
