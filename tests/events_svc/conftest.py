"""Events as publishers send them, and a broker that only remembers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from events_svc.deliveries import dispatcher
from events_svc.deliveries.services.subscribing import subscriptions_replace
from libs.contracts.auth import UserRegistered
from libs.contracts.event import Event
from libs.eventbus import Envelope
from libs.eventbus.transports import transport
from libs.eventbus.transports.memory import MemoryTransport


def registered(user: str = "ann", *, sequence: int = 1, **attributes: Any) -> Envelope:
    event: Event = UserRegistered(user_id=user, email=f"{user}@example.org", display_name=user.title())
    return Envelope.of(event, sequence=sequence, **attributes)


@pytest.fixture
def bus() -> Iterator[MemoryTransport]:
    """What was sent to the broker."""
    made = transport()
    assert isinstance(made, MemoryTransport)
    made.clear()
    yield made
    made.clear()
    dispatcher._refusing.clear()


@pytest.fixture
def todo_subscribes(db: Any) -> Callable[..., None]:
    def run(*patterns: str, service: str = "todo", versions: dict[str, list[int]] | None = None) -> None:
        wanted = patterns or ["auth.user.*"]
        subscriptions_replace(service=service, patterns=wanted, queue=f"{service}.events", versions=versions)

    return run
