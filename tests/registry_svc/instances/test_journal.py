"""What the journal keeps, on a real database."""

import dataclasses
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from libs.discovery import HealthSpec, Registration
from libs.testing.events import Published
from registry_svc.instances import journal as journals
from registry_svc.instances import store
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


def every(desired: str, *, down: bool = False, mine: Registration = MINE) -> dict[str, Any]:
    """Give all fields of an instance."""
    return {
        "registration": mine, "desired": desired, "down": down, "damped": False, "owner": "registry-1",
        "registered_at": AT,
    }  # fmt: skip


def change(before: str, after: str, mine: Registration = MINE, **fields: Any) -> Change:
    """Make a change of all fields, or of those that are given."""
    fields = fields or every("draining", down=after == "down", mine=mine)
    return Change(mine.type, mine.id, mine.incarnation, fields, before, after, "a test", AT)


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


# -- what other services are told ------------------------------------------------------------------------------------


def told(published: Published) -> list[tuple[int, str, str]]:
    """Give what waits in the outbox: its place among the instance's events, what happened, and the reason."""
    return [(each.sequence, each.type.removeprefix("registry.instance."), each.data["reason"]) for each in published]


def test_what_changed_is_published_in_order_with_the_row(journal: DatabaseJournal, published: Published) -> None:
    for each, reason in (
        (change("", "up", **every("up")), "registered"),
        (change("up", "draining", desired="draining"), "admin: draining"),
        (change("draining", "down", down=True), "it died: \x00refused"),
    ):
        journal.write(dataclasses.replace(each, reason=reason))
    journal.write(gone("down"))
    journal.stop()
    assert told(published) == [
        (1, "up", "registered"),
        (2, "draining", "admin: draining"),
        (3, "down", "it died: refused"),
    ]
    (first, *_) = published
    assert (first.source, first.aggregate_id, first.subject) == ("registry", "todo-1", "instance/todo-1")
    assert first.data == {
        "type": "todo", "instance": "todo-1", "incarnation": MINE.incarnation, "reason": "registered"
    }  # fmt: skip


def test_what_does_not_change_the_state_is_not_published(journal: DatabaseJournal, published: Published) -> None:
    journal.write(change("", "up", **every("up")))
    journal.write(change("up", "up", owner="registry-2"))
    journal.write(change("up", "up", **every("up") | {"registration": registration(http_port=81)}))
    journal.stop()
    assert told(published) == [(1, "up", "a test")]


def test_what_another_registry_has_told_already_is_not_told_again(
    journal: DatabaseJournal, published: Published
) -> None:
    journal.write(change("", "up", **every("up")))
    journal.flush().result(5)
    StoredInstance.objects.update(down=True)  # the other one has told of that
    journal.write(change("up", "down", down=True))
    journal.write(change("down", "up", owner="registry-1", down=False))
    journal.stop()
    assert told(published) == [(1, "up", "a test"), (2, "up", "a test")]


def test_what_is_overruled_is_not_published(journal: DatabaseJournal, published: Published) -> None:
    journal.write(change("", "up", **every("up")))
    journal.flush().result(5)
    StoredInstance.objects.update(owner="registry-2")
    journal.write(change("up", "down", down=True))
    journal.stop()
    assert REFUSED == [("todo", "todo-1")]
    assert told(published) == [(1, "up", "a test")]


def test_what_is_written_again_after_a_wipe_is_not_told_again(journal: DatabaseJournal, published: Published) -> None:
    journal.write(change("", "up", **every("up")))
    journal.flush().result(5)
    StoredInstance.objects.all().delete()
    journal.write(change("up", "up", **every("up")))
    journal.write(change("up", "down", down=True))
    journal.stop()
    assert told(published) == [(1, "up", "a test"), (2, "down", "a test")]


def test_what_is_not_committed_is_not_published_and_what_is_tried_again_is_told_once(
    journal: DatabaseJournal, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "RETRY_SECONDS", 0.01)
    fails, announce = [True, True], store.announce

    def at_the_end(*args: Any, **options: Any) -> None:
        if fails and fails.pop():
            raise OperationalError("the connection broke before the commit")
        announce(*args, **options)

    monkeypatch.setattr(store, "announce", at_the_end)
    journal.write(change("", "up", **every("up")))
    journal.flush().result(5)
    journal.stop()
    assert fails == []
    assert told(published) == [(1, "up", "a test")]


def test_a_commit_whose_answer_was_lost_is_not_told_again(
    journal: DatabaseJournal, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "RETRY_SECONDS", 0.01)
    lost, commit = [True], journals._commit

    def without_answer(*args: Any) -> Any:
        refused = commit(*args)
        if lost and lost.pop():
            raise OperationalError("the connection broke after the commit")
        return refused

    monkeypatch.setattr(journals, "_commit", without_answer)
    journal.write(change("", "up", **every("up")))
    journal.flush().result(5)
    journal.stop()
    assert lost == []
    assert told(published) == [(1, "up", "a test")]


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
