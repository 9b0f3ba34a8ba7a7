"""The small project of tests/libs plays TODO; it publishes facts about lists."""

from collections.abc import Iterator
from typing import Any

import pytest

from libs.contracts.todo import ListUpdated
from libs.eventbus import Envelope
from libs.eventbus.transports import transport
from libs.eventbus.transports.memory import MemoryTransport


def fact(list_id: str = "list-1", version: int = 1) -> ListUpdated:
    return ListUpdated(list_id=list_id, version=version)


def envelope(list_id: str = "list-1", *, sequence: int = 1, **attributes: Any) -> Envelope:
    return Envelope.of(fact(list_id), sequence=sequence, **attributes)


@pytest.fixture
def bus() -> Iterator[MemoryTransport]:
    """What was sent to the broker."""
    made = transport()
    assert isinstance(made, MemoryTransport)
    made.clear()
    yield made
    made.clear()
