"""A fake Registry for each test that wants one."""

from collections.abc import Iterator

import pytest

from tests.libs.discovery.fake_registry import FakeRegistry


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    registry = FakeRegistry().start()
    yield registry
    registry.stop()
