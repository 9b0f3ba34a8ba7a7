"""Shippers that end with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.telemetry.shipper import Shipper
from tests.libs.telemetry.helpers import FAST, RENDERER, Logger

Ship = Callable[..., Shipper]


@pytest.fixture
def logger() -> Logger:
    return Logger()


@pytest.fixture
def ship(logger: Logger, tmp_path: Path) -> Iterator[Ship]:
    """Make a shipper to `logger`, or to another sink, that spills into this test's folder."""
    made: list[Shipper] = []

    def run(sink: Any = logger, **options: Any) -> Shipper:
        made.append(Shipper(sink, tmp_path, RENDERER, **{"pace": FAST, **options}))
        return made[-1]

    yield run
    for shipper in made:
        shipper.stop(timeout=5)
