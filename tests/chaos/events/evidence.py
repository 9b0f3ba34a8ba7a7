"""What a run leaves behind, read from the databases for the checker."""

import json
import uuid

from tests.chaos.events.checker import Effect, Fact
from tests.chaos.events.plan import GROUPS


def published(stores):
    """Everything that was committed to the outbox."""
    rows = stores.rows("todo", "SELECT id, type, aggregate_id, sequence, data FROM chaos_published")
    return [fact(*row) for row in rows]


def told(home):
    """What clients were told to be committed; a line that its writer could not finish was not told."""
    lines = [line for file in (home / "journals").iterdir() for line in file.read_text().splitlines(keepends=True)]
    words = (line.split() for line in lines if line.endswith("\n"))
    return [(task_id, int(version)) for task_id, version in words]


def log(stores):
    """What Events has stored."""
    rows = stores.rows("events", "SELECT event_id, type, aggregate_id, sequence, data FROM deliveries_event")
    return [fact(*row) for row in rows]


def effects(stores):
    """What took effect, by subscriber."""
    query = "SELECT id, seen, event_id, type, aggregate_id, sequence, data FROM effects_effect"
    return {
        group: [Effect(position, fact(*rest), seen) for position, seen, *rest in stores.rows(group, query)]
        for group in GROUPS
    }


def fact(event_id, kind, aggregate, sequence, data):
    """Make a fact; SQLite writes ids without dashes, and JSON as text."""
    value = json.loads(data) if isinstance(data, str) else data
    return Fact(str(uuid.UUID(str(event_id))), kind, aggregate, sequence, json.dumps(value, sort_keys=True))
