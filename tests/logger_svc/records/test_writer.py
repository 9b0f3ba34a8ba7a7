"""The writer: groups, limits, and one bad batch among good ones."""

import threading
from collections.abc import Sequence
from datetime import datetime

import pytest

from logger_svc.records.errors import StoreBusy
from logger_svc.records.models import Batch
from logger_svc.records.writer import Writer
from tests.logger_svc.conftest import make_record

GOOD = Batch([make_record()])
BAD = Batch([make_record(message="bad")])


class RecordingStore:
    """Keeps what is written; stops at a gate, refuses groups with a bad batch."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.closed = False

    def write(self, batches: Sequence[Batch], *, now: datetime) -> list[bool]:
        self.entered.set()
        assert self.gate.wait(timeout=10)
        self.groups.append(len(batches))
        if BAD in batches:
            raise ValueError("bad")
        return [True] * len(batches)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def recording() -> RecordingStore:
    return RecordingStore()


def test_what_arrives_during_a_commit_is_committed_together(recording: RecordingStore) -> None:
    writer = Writer(recording)
    first = writer.submit(GOOD)
    assert recording.entered.wait(timeout=10)
    others = [writer.submit(GOOD) for _number in range(5)]
    recording.gate.set()
    assert all(future.result(timeout=10) for future in (first, *others))
    assert recording.groups == [1, 5]
    writer.stop()
    assert recording.closed


def test_a_batch_that_cannot_be_stored_does_not_take_others_with_it(recording: RecordingStore) -> None:
    writer = Writer(recording)
    writer.submit(GOOD)
    assert recording.entered.wait(timeout=10)
    good, bad, more = writer.submit(GOOD), writer.submit(BAD), writer.submit(GOOD)
    recording.gate.set()
    assert good.result(timeout=10)
    assert more.result(timeout=10)
    with pytest.raises(ValueError, match="bad"):
        bad.result(timeout=10)
    writer.stop()


def test_a_full_backlog_is_refused_at_once(recording: RecordingStore) -> None:
    writer = Writer(recording, max_backlog=2)
    writer.submit(GOOD)
    assert recording.entered.wait(timeout=10)
    waiting = [writer.submit(GOOD), writer.submit(GOOD)]
    with pytest.raises(StoreBusy) as refused:
        writer.submit(GOOD)
    assert refused.value.retry_after == 1
    recording.gate.set()
    assert all(future.result(timeout=10) for future in waiting)
    writer.stop()


def test_stop_commits_what_waits_and_takes_no_more(recording: RecordingStore) -> None:
    writer = Writer(recording)
    futures = [writer.submit(GOOD) for _number in range(3)]
    recording.gate.set()
    writer.stop()
    assert all(future.done() for future in futures)
    with pytest.raises(StoreBusy):
        writer.submit(GOOD)
