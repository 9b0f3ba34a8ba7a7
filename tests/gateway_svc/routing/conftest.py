from collections.abc import Iterator

import pytest

from tests.gateway_svc.valkey import Valkey


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.remove()


@pytest.fixture
def valkey(shared_valkey: Valkey) -> Valkey:
    """An empty server."""
    shared_valkey.client.flushall()
    return shared_valkey


@pytest.fixture
def mortal_valkey() -> Iterator[Valkey]:
    """A server of the test's own, to kill and to freeze."""
    server = Valkey()
    yield server
    server.thaw()
    server.remove()
