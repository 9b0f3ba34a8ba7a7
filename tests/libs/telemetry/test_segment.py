"""Segments: appended at the end, delivered from the front, and readable after any death."""

import os
import resource
from pathlib import Path

import pytest

from libs.telemetry.segment import Segment
from tests.libs.telemetry.helpers import make_batch, unpack


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    return Segment.create(tmp_path / "00000001.seg")


def test_batches_come_back_as_they_were(segment: Segment) -> None:
    batches = [make_batch("a", "b", sequence=1), make_batch("c", sequence=2, reports=7)]
    for batch in batches:
        segment.append(batch)
    assert [parcel.batch for parcel in segment.undelivered()] == batches
    assert unpack(batches[0])[1]["message"] == "b"


def test_what_is_delivered_is_remembered_on_disk(segment: Segment) -> None:
    for sequence in range(3):
        segment.append(make_batch("x", sequence=sequence))
    first = segment.first()
    assert first is not None
    segment.delivered(first)
    assert [parcel.batch.sequence for parcel in Segment(segment.path).undelivered()] == [1, 2]


def test_the_records_at_stake_include_those_that_a_report_speaks_of(segment: Segment) -> None:
    segment.append(make_batch("a", "b"))
    segment.append(make_batch("c", "log.dropped", reports=5))
    assert segment.at_stake() == 2 + 1 + 5


@pytest.mark.parametrize("missing", [1, 30, 120])
def test_a_torn_end_hides_only_itself(segment: Segment, missing: int) -> None:
    segment.append(make_batch("whole"))
    segment.append(make_batch("torn" * 200, sequence=2))
    os.truncate(segment.path, segment.path.stat().st_size - missing)
    assert [parcel.batch.sequence for parcel in segment.undelivered()] == [1]


def test_a_full_disk_changes_nothing(segment: Segment) -> None:
    segment.append(make_batch("kept"))
    before = segment.path.stat().st_size
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before + 50, unlimited[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            segment.append(make_batch("lost"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert segment.path.stat().st_size == before
    segment.append(make_batch("later", sequence=2))
    assert [parcel.batch.sequence for parcel in segment.undelivered()] == [1, 2]


@pytest.mark.parametrize("content", [b"", b"mt", b"something else entirely, and long enough"])
def test_a_foreign_file_holds_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.seg"
    path.write_bytes(content)
    assert list(Segment(path).undelivered()) == []


def test_a_file_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "gone.seg")
    assert segment.first() is None
    assert segment.is_full
