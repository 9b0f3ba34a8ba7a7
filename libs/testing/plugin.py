"""The pytest plugin of all suites (`-p libs.testing.plugin`): fixtures that every service's tests share."""

from collections.abc import Callable
from typing import Any

import pytest

from libs.contracts.event import Event
from libs.testing.client import BridgeTestClient


@pytest.fixture
def api() -> BridgeTestClient:
    """A client that calls this service's views as the bridge does."""
    return BridgeTestClient()


@pytest.fixture
def published(db: Any) -> Callable[..., list[Any]]:
    """Give a function that lists the envelopes written to the outbox so far, oldest first, by type if one is given."""
    from libs.testing.events import outbox  # noqa: PLC0415  (needs Django's apps)

    return outbox


@pytest.fixture
def deliver(db: Any) -> Callable[..., None]:
    """Give a function that lets this service react to an event as if it were delivered."""
    from libs.testing.events import deliver_event  # noqa: PLC0415  (needs Django's apps)

    def run(event: Event, **attributes: Any) -> None:
        deliver_event(event, **attributes)

    return run
