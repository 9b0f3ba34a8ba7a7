"""`manage.py stats`: how the deliveries stand."""

from typing import Any

from django.core.management.base import BaseCommand

from events_svc.deliveries.selectors import stats
from libs.service.terminal import table

COUNTS = ("held", "pending", "sent", "parked", "dead", "blocked")
COLUMNS = ("SUBSCRIBER", "STATE", *(name.upper() for name in COUNTS), "OLDEST", "ACKED/S")


class Command(BaseCommand):
    help = "Show depths, ages and rates, by subscriber, and the replays that run. Blocked: behind parked or dead ones."

    def handle(self, *args: Any, **options: Any) -> None:
        found = stats()
        self.stdout.write(table([COLUMNS, *map(_row, found["subscribers"])]))
        for each in found["replays"]:
            self.stdout.write(_replay(each))
        self.stdout.write(f"{found['stored_per_second']:g} events stored, {found['acked_per_second']:g} acked a second")


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    state = "degraded" if each["degraded"] else "well"
    age = f"{each['oldest_unacknowledged_seconds']:.1f}s" if each["oldest_unacknowledged_seconds"] else ""
    counts = (str(each[name]) for name in COUNTS)
    return (each["service"], state, *counts, age, f"{each['acked_per_second']:g}")


def _replay(each: dict[str, Any]) -> str:
    what = f"{each['type'] or 'all events'} {each['aggregate_id']}".strip()
    return (
        f"replay {each['id']}: {what} to {each['subscriber']}, {each['events']} so far, {each['per_second']:g} a second"
    )
