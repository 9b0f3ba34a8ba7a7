"""The pytest plugin of all suites (`-p libs.testing.plugin`): fixtures that every service's tests share."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from libs.testing.client import BridgeTestClient

if TYPE_CHECKING:
    from libs.eventbus import Envelope
    from libs.testing.events import Published
    from libs.testing.migrations import Past


@pytest.fixture
def api() -> BridgeTestClient:
    """A client that calls this service's views as the bridge does."""
    return BridgeTestClient()


@pytest.fixture
def published(db: Any) -> "Published":
    """The envelopes written to the outbox so far, oldest first."""
    from libs.testing.events import Published  # noqa: PLC0415  (needs Django's apps)

    return Published()


@pytest.fixture
def deliver(db: Any) -> Callable[..., "Envelope"]:
    """A function that lets this service react to an event as if it were delivered: `deliver(event, sequence=2)`."""
    from libs.testing.events import deliver  # noqa: PLC0415  (needs Django's apps)

    return deliver


@pytest.fixture
def past(transactional_db: None) -> "Iterator[type[Past]]":
    """The way back to an older database: `past("todos", "0001_initial")`; the test ends in the present."""
    from libs.testing.migrations import Past  # noqa: PLC0415  (needs Django)

    yield Past
    Past.go_on()
