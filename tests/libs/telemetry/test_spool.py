"""The spool: one owner per folder, the cap of a service, orphans."""

from pathlib import Path

import pytest

from libs.telemetry import segment
from libs.telemetry import spool as spool_module
from libs.telemetry.losses import Losses
from libs.telemetry.spool import Spool
from tests.libs.telemetry.helpers import make_batch


@pytest.fixture
def losses() -> Losses:
    return Losses()


def make_spool(root: Path, losses: Losses, boot: str = "boot-1", **options: int) -> Spool:
    return Spool(root, "todo", "todo-1", boot, losses, **options)


def drain(spool: Spool) -> list[int]:
    seen = []
    while found := spool.oldest():
        seen.append(found[1].batch.sequence)
        spool.delivered(*found)
    return seen


def test_nothing_is_made_before_the_first_batch(tmp_path: Path, losses: Losses) -> None:
    spool = make_spool(tmp_path, losses)
    assert spool.is_empty
    spool.adopt()
    assert spool.oldest() is None
    spool.close()
    assert list(tmp_path.rglob("*")) == []


def test_batches_wait_under_service_and_instance_and_come_out_oldest_first(tmp_path: Path, losses: Losses) -> None:
    spool = make_spool(tmp_path, losses)
    for sequence in range(5):
        spool.append(make_batch("x", sequence=sequence), debug=sequence == 2)
    assert {path.parent.parent for path in tmp_path.rglob("*.seg")} == {tmp_path / "todo" / "todo-1"}
    assert drain(spool) == [0, 1, 3, 4, 2]
    assert spool.is_empty
    spool.close()
    assert list(tmp_path.rglob("*.seg")) == []


def test_a_folder_in_use_is_not_adopted_and_that_of_a_dead_process_is(tmp_path: Path, losses: Losses) -> None:
    owner = make_spool(tmp_path, losses, "boot-1")
    owner.append(make_batch("x", sequence=7))
    heir = make_spool(tmp_path, losses, "boot-2")
    heir.adopt()
    assert heir.is_empty
    owner.forget()  # the kernel does this when a process dies
    heir.adopt()
    assert drain(heir) == [7]
    heir.adopt()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_orphans_are_delivered_before_what_is_new(tmp_path: Path, losses: Losses) -> None:
    dead = make_spool(tmp_path, losses, "boot-1")
    dead.append(make_batch("x", sequence=1))
    dead.forget()
    heir = make_spool(tmp_path, losses, "boot-0")
    heir.append(make_batch("x", sequence=2))
    heir.adopt()
    assert drain(heir) == [1, 2]


def test_another_service_is_left_alone(tmp_path: Path, losses: Losses) -> None:
    dead = Spool(tmp_path, "auth", "auth-1", "boot-1", losses)
    dead.append(make_batch("x"))
    dead.forget()
    heir = make_spool(tmp_path, losses)
    heir.adopt()
    assert heir.is_empty


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (segment, spool_module):
        monkeypatch.setattr(module, "MAX_BYTES", 400)


def test_a_full_service_drops_debug_before_older_records(tmp_path: Path, losses: Losses, small_segments: None) -> None:
    spool = make_spool(tmp_path, losses, cap=2_500)
    spool.append(make_batch("x", sequence=1))
    for sequence in range(100, 106):
        spool.append(make_batch("d", "e", sequence=sequence), debug=True)
    appended = 1 + 6 * 2
    while not losses:
        appended += 1
        spool.append(make_batch("x", sequence=appended))
    lost = losses.take()
    kept = drain(spool)
    assert 1 in kept
    assert not {100, 101} & set(kept)
    assert lost["count"] + sum(2 if sequence >= 100 else 1 for sequence in kept) == appended


def test_without_debug_the_oldest_go_and_are_counted_exactly(
    tmp_path: Path, losses: Losses, small_segments: None
) -> None:
    spool = make_spool(tmp_path, losses, cap=2_500)
    for sequence in range(60):
        spool.append(make_batch("x", sequence=sequence))
    lost = losses.take()["count"]
    assert lost > 40
    assert drain(spool) == list(range(lost, 60))


def test_a_disk_that_takes_nothing_is_a_counted_loss(tmp_path: Path, losses: Losses) -> None:
    (tmp_path / "todo").write_text("a file where a folder should be")
    make_spool(tmp_path, losses).append(make_batch("a", "b", reports=4))
    assert losses.take() == {"count": 5, "reasons": {"disk_full": 5}}


def test_a_folder_that_somebody_removed_is_made_again(tmp_path: Path, losses: Losses) -> None:
    spool = make_spool(tmp_path, losses)
    spool.append(make_batch("x", sequence=1))
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    spool.append(make_batch("x", sequence=2))
    assert drain(spool) == [2]
    assert not losses
