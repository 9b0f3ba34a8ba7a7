"""Sinks that record, fail or wait, and conditions to wait for."""

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from libs.telemetry.batch import Batch
from libs.telemetry.lines import Renderer
from libs.telemetry.pace import Pace

#: As the real one, but for people who wait for a test.
FAST = Pace(linger=0.01, rescue_after=0.05, min_pause=0.01, max_pause=0.02, adopt_every=0.02)
RENDERER = Renderer("todo", "todo-1")


def until(condition: Callable[[], object], within: float = 20.0) -> None:
    """Return as soon as `condition` holds; fail after `within` seconds."""
    deadline = time.monotonic() + within
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        tick.wait(0.005)


def unpack(batch: Batch) -> list[dict[str, Any]]:
    """The records of a batch."""
    return [json.loads(line) for line in gzip.decompress(batch.body).split(b"\n")]


def line(message: str, level: int = 20) -> bytes:
    """A rendered record."""
    return RENDERER.line(0.0, level, "test", message, {}, {})


def make_batch(*messages: str, sequence: int = 1, reports: int = 0) -> Batch:
    """A batch of such records."""
    lines = [line(message) for message in messages]
    return Batch.of(lines, instance="todo-1", boot="boot", sequence=sequence, reports=reports)


@dataclass
class Logger:
    """Plays the Logger: stores each batch once, and is away or slow when it is told."""

    error: Exception | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    calls: int = 0
    batches: list[Batch] = field(default_factory=list)
    keys: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.gate.set()

    def __call__(self, batch: Batch) -> None:
        self.calls += 1
        assert self.gate.wait(timeout=20)
        if self.error is not None:
            raise self.error
        key = (batch.instance, batch.boot, batch.sequence)
        if not self.keys[key]:
            self.batches.append(batch)
        self.keys[key] += 1

    @property
    def messages(self) -> list[str]:
        return [record["message"] for batch in list(self.batches) for record in unpack(batch)]
