"""What the journal keeps, on a real database."""

import dataclasses
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from libs.discovery import HealthSpec, Registration
from registry_svc.instances import journal as journals
from registry_svc.instances.journal import Change, DatabaseJournal
from registry_svc.instances.models import StoredInstance, Transition
from registry_svc.instances.store import Key, Saved, forget_old, load
from tests.registry_svc.parts import registration

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED: list[Key] = []
AT = datetime(2026, 1, 1, tzinfo=UTC)
MINE = registration(http_port=80, routes=("/v1/lists",), metadata={"k": "v"}, health=HealthSpec("http", "/up", 2, 1))


@pytest.fixture
def journal() -> DatabaseJournal:
    journal = DatabaseJournal("registry-1", REFUSED.extend)
    REFUSED.clear()
    journal.start()
    return journal


def change(before: str, after: str, mine: Registration = MINE, **fields: Any) -> Change:
    """Make a change of all fields, or of those that are given."""
    every = {
        "registration": mine, "desired": "draining", "down": after == "down", "damped": False, "owner": "registry-1",
        "registered_at": AT,
    }  # fmt: skip
    return Change(mine.type, mine.id, mine.incarnation, fields or every, before, after, "a test", AT)


def gone(before: str, mine: Registration = MINE) -> Change:
    return Change(mine.type, mine.id, mine.incarnation, None, before, "", "a test", AT)


def saved(mine: Registration = MINE, *, down: bool = False, gone: bool = False, owner: str = "registry-1") -> Saved:
    return Saved(mine, "draining", down, False, owner, AT, gone)


def test_what_was_written_is_loaded_again(journal: DatabaseJournal) -> None:
    journal.write(change("", "up"))
    journal.stop()
    assert load() == [saved()]


def test_one_row_per_instance_holds_the_latest(journal: DatabaseJournal) -> None:
    later = registration(http_port=81)
    for each in (change("", "up"), change("up", "up", later), change("up", "down", later)):
        journal.write(each)
    journal.stop()
    assert load() == [saved(later, down=True)]
    assert StoredInstance.objects.count() == 1


def test_what_is_forgotten_leaves_a_tombstone_and_its_history(journal: DatabaseJournal) -> None:
    journal.write(change("", "up"))
    journal.write(gone("up"))
    journal.stop()
    assert load() == [saved(gone=True)]
    assert list(Transition.objects.order_by("pk").values_list("before", "after", "reason")) == [
        ("", "up", "a test"),
        ("up", "", "a test"),
    ]


def test_a_reason_that_no_database_takes_does_not_hold_up_the_rest(journal: DatabaseJournal) -> None:
    journal.write(dataclasses.replace(change("", "up"), reason="health check: \x00bad\n" + "x" * 600))
    journal.stop()
    assert Transition.objects.get().reason == ("health check: bad" + "x" * 600)[:500]


def test_a_change_without_a_new_state_is_no_history(journal: DatabaseJournal) -> None:
    journal.write(change("up", "up"))
    journal.stop()
    assert not Transition.objects.exists()


def test_all_of_a_long_queue_is_written_in_order(journal: DatabaseJournal) -> None:
    for index in range(450):
        journal.write(change(f"s{index}", f"s{index + 1}"))
    journal.stop()
    assert list(Transition.objects.order_by("pk").values_list("before", flat=True)) == [f"s{n}" for n in range(450)]


def test_what_was_flushed_is_on_disk(journal: DatabaseJournal) -> None:
    journal.write(change("", "up"))
    journal.flush().result(5)
    assert StoredInstance.objects.count() == 1
    journal.stop()


def test_only_the_fields_that_changed_are_written(journal: DatabaseJournal) -> None:
    journal.write(change("", "up"))
    journal.flush().result(5)
    StoredInstance.objects.update(desired="maintenance")  # what another Registry wrote
    journal.write(change("up", "down", down=True))
    journal.stop()
    row = StoredInstance.objects.get()
    assert (row.desired, row.down) == ("maintenance", True)


def test_an_earlier_process_does_not_overwrite_a_later_one(journal: DatabaseJournal) -> None:
    earlier, later = registration(http_port=81), registration(http_port=82)
    for each in (change("", "up", later), change("", "up", earlier), change("up", "down", earlier, down=True)):
        journal.write(each)
    journal.write(gone("down", earlier))
    journal.stop()
    assert load() == [saved(later)]
    assert REFUSED == [("todo", "todo-1")] * 3


def test_who_does_not_hold_the_lease_any_more_cannot_say_that_an_instance_is_down(journal: DatabaseJournal) -> None:
    journal.write(change("", "up"))
    journal.flush().result(5)
    StoredInstance.objects.update(owner="registry-2")
    journal.write(change("up", "down", down=True))
    journal.stop()
    assert not StoredInstance.objects.get().down
    assert REFUSED == [("todo", "todo-1")]


def test_a_beat_takes_the_lease_over_from_another_registry(journal: DatabaseJournal) -> None:
    journal.write(change("", "up"))
    journal.flush().result(5)
    StoredInstance.objects.update(owner="registry-2")
    journal.write(change("up", "up", owner="registry-1"))
    journal.stop()
    assert load() == [saved()]


def test_a_database_that_is_busy_is_tried_again(journal: DatabaseJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "RETRY_SECONDS", 0.01)
    refused, wrote = threading.Event(), journals._commit

    def away(*args: Any) -> Any:
        refused.set()
        raise OperationalError("the database is away")

    monkeypatch.setattr(journals, "_commit", away)
    journal.write(change("", "up"))
    written = journal.flush()
    assert refused.wait(5)
    assert not written.done()
    monkeypatch.setattr(journals, "_commit", wrote)
    written.result(10)
    journal.stop()
    assert load() == [saved()]


def test_old_history_and_old_tombstones_are_deleted(journal: DatabaseJournal) -> None:
    journal.write(change("", "up"))
    journal.write(gone("up"))
    journal.write(change("", "up", registration(instance_id="todo-2", http_port=80)))
    journal.stop()
    now = timezone.now()
    Transition.objects.update(at=now - timedelta(days=3))
    Transition.objects.create(type="todo", instance_id="todo-2", incarnation="x", after="down", at=now)
    StoredInstance.objects.filter(instance_id="todo-1").update(gone_at=now - timedelta(days=2))
    forget_old(history_days=2)
    assert [row.after for row in Transition.objects.all()] == ["down"]
    assert [row.instance_id for row in StoredInstance.objects.all()] == ["todo-2"]
