"""What the journal keeps, on a real database."""

import dataclasses
from datetime import UTC, datetime

import pytest

from libs.discovery import HealthSpec, Registration
from registry_svc.instances.journal import Change, DatabaseJournal, Saved, load
from registry_svc.instances.models import StoredInstance, Transition
from tests.registry_svc.parts import registration

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 1, 1, tzinfo=UTC)
MINE = registration(http_port=80, routes=("/v1/lists",), metadata={"k": "v"}, health=HealthSpec("http", "/up", 2, 1))


@pytest.fixture
def journal() -> DatabaseJournal:
    journal = DatabaseJournal()
    journal.start()
    return journal


def change(before: str, after: str, mine: Registration = MINE, *, kept: bool = True) -> Change:
    saved = Saved(mine, "draining", after == "down", AT) if kept else None
    return Change(mine.type, mine.id, mine.incarnation, saved, before, after, "a test", AT)


def test_what_was_written_is_loaded_again(journal: DatabaseJournal) -> None:
    journal.write(change("", "up"))
    journal.stop()
    assert load() == [Saved(MINE, "draining", False, AT)]


def test_one_row_per_instance_holds_the_latest(journal: DatabaseJournal) -> None:
    later = registration(http_port=81)
    for each in (change("", "up"), change("up", "up", later), change("up", "down", later)):
        journal.write(each)
    journal.stop()
    assert load() == [Saved(later, "draining", True, AT)]
    assert StoredInstance.objects.count() == 1


def test_what_is_forgotten_leaves_its_history(journal: DatabaseJournal) -> None:
    journal.write(change("", "up"))
    journal.write(change("up", "", kept=False))
    journal.stop()
    assert load() == []
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
