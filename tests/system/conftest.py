"""One running system for the whole suite; tests that break it bring it back, those of its life start their own."""

import signal

import pytest

from libs.devstack.keys import write_keys
from tests.system.inside import Insider, Library
from tests.system.stack import Stack
from tests.system.users import Person


def pytest_configure():
    """Take SIGTERM for Ctrl-C, so that a run that is cut off stops its system."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Run the tests with systems of their own first, so that no two systems run at the same time."""
    items.sort(key=lambda item: "stack" in item.fixturenames)


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """The keys of all systems of this run, for they may share databases."""
    made = tmp_path_factory.mktemp("keys")
    write_keys(made)
    return made


@pytest.fixture(scope="session")
def stack(keys):
    """The system, with two TODO instances; Ctrl-C ends it in the end."""
    environment = {"MT_DELIVERY_LEASE_SECONDS": "3", "MT_CORS_ORIGINS": "https://app.example.org"}
    with Stack(scale="todo=2", environment=environment, keys=keys) as running:
        yield running
        assert running.stop(signal.SIGINT) == 0
        assert running.orphans == []


@pytest.fixture
def person(stack):
    """A function that makes a registered, signed-in user."""
    return lambda name="Ada": Person(stack.gateway_url, name).sign_up()


@pytest.fixture
def logs(stack):
    """What Logger has stored."""
    return Library(stack)


@pytest.fixture
def admin(stack):
    """A program with the key of Admin."""
    return Insider(stack, "admin")


@pytest.fixture
def gateway(stack):
    """A program with the key of the gateway."""
    return Insider(stack, "gateway")
