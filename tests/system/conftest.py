"""One running system for the whole suite; tests that break it bring it back, or start their own."""

import pytest

from tests.system.stack import Stack
from tests.system.users import Person


@pytest.fixture(scope="session")
def stack():
    with Stack(scale="todo=2") as running:
        yield running


@pytest.fixture
def person(stack):
    """A function that makes a registered, signed-in user."""
    return lambda name="Ada": Person(stack.gateway_url, name).sign_up()
