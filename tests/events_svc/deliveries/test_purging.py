"""Delivered events go when they are old; undelivered ones stay."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from events_svc.deliveries import archive
from events_svc.deliveries.models import Delivery, Event, Stream
from events_svc.deliveries.services import purging
from events_svc.deliveries.services.purging import events_purge
from events_svc.deliveries.services.replaying import replay
from libs.eventbus.transports.memory import MemoryTransport
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import at_once, dispatched, let_pass, store

pytestmark = pytest.mark.django_db
MONTH = 31 * 86400
LONG_AGO = timezone.now() - timedelta(days=400)


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.EVENTS_ARCHIVE_DIR = str(tmp_path / "archive")
    return tmp_path / "archive"


def test_old_delivered_events_go(todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered("ann"), registered("ben"))
    store(registered("dan"))
    Delivery.objects.filter(stream__aggregate_id="ann").update(status="acked")
    Delivery.objects.filter(stream__aggregate_id="dan").update(status="skipped")
    let_pass(MONTH)
    store(registered("cem"))
    assert events_purge() == 2
    assert list(Event.objects.order_by("id").values_list("aggregate_id", flat=True)) == ["ben", "cem"]


def test_a_sequence_goes_on_after_its_beginning_was_purged(todo_subscribes: Callable[..., None]) -> None:
    store(registered(sequence=1))
    let_pass(MONTH)
    assert events_purge() == 1
    todo_subscribes()
    store(registered(sequence=2))
    assert Delivery.objects.get().status == "pending"


def archived(folder: Path) -> list[str]:
    return [line["aggregate_id"] for file in sorted(folder.iterdir()) for line in archive.read(file)]


def test_purged_events_are_in_the_archive_and_come_back_for_a_replay(
    folder: Path, todo_subscribes: Callable[..., None], bus: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "CHUNK", 2)
    todo_subscribes()
    sent = [registered("ann", sequence=1), registered("ann", sequence=2), registered("ben")]
    store(*sent)
    Delivery.objects.update(status="acked")
    let_pass(MONTH)
    store(registered("ann", sequence=3))
    assert events_purge() == 3
    (file,) = folder.iterdir()
    assert archived(folder) == ["ann", "ann", "ben"]
    for _ in range(2):
        call_command("unarchive", str(file))
    assert events_purge() == 0
    assert [row.envelope for row in Event.objects.exclude(restored_at=None).order_by("id")] == sent
    Delivery.objects.all().update(status="acked")
    assert replay(subscriber="todo", since=LONG_AGO) == 4
    assert dispatched(bus) == [("todo.events", [("ann", 1), ("ann", 2), ("ann", 3), ("ben", 1)])]


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_purge_at_once_archive_and_delete_each_event_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "CHUNK", 3)
    users = [f"user-{number:02}" for number in range(60)]
    store(*map(registered, users))
    Event.objects.update(stored_at=LONG_AGO)
    assert sum(at_once(events_purge, 2)) == len(users)
    assert sorted(archived(folder)) == users
    assert not Event.objects.exists()


def test_an_empty_ledger_takes_archived_events_and_waits_for_nothing_before_them(
    folder: Path, todo_subscribes: Callable[..., None]
) -> None:
    store(registered(sequence=1), registered(sequence=2))
    Event.objects.filter(sequence=1).delete()
    let_pass(MONTH)
    events_purge()
    Stream.objects.all().delete()
    call_command("unarchive", *map(str, folder.iterdir()))
    todo_subscribes()
    assert replay(subscriber="todo", since=LONG_AGO) == 1
    assert Delivery.objects.get().status == "pending"


def test_a_file_that_breaks_off_gives_what_it_has(folder: Path) -> None:
    with archive.Archive(folder) as writer:
        writer.append([{"aggregate_id": "ann"}])
        writer.append([{"aggregate_id": f"user-{n}"} for n in range(1000)])
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-30])
    assert archived(folder)[0] == "ann"


def test_nothing_is_deleted_that_can_not_be_archived(folder: Path) -> None:
    folder.write_text("not a folder")
    store(registered())
    let_pass(MONTH)
    with pytest.raises(FileExistsError):
        events_purge()
    assert Event.objects.exists()


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(CommandError, match=r"nothing\.jsonl\.gz"):
        call_command("unarchive", "nothing.jsonl.gz")


def test_lines_that_can_not_be_read_are_left_out() -> None:
    good = {**registered().to_json(), "stored_at": "2026-01-01T00:00:00+00:00"}
    assert purging.events_restore([{}, {**good, "stored_at": None}, {**good, "sequence": 0}, good]) == 1
