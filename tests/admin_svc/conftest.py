"""The suite's platform is a recording: tests script what services answer and look at what was asked."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from admin_svc.dashboard.sources.base import source
from admin_svc.dashboard.sources.recording import RecordingSource
from tests.admin_svc.scenes import play


@pytest.fixture(autouse=True)
def platform() -> Iterator[RecordingSource]:
    """A platform in which all is well."""
    source.cache_clear()
    recording = source()
    assert isinstance(recording, RecordingSource)
    play(recording)
    yield recording
    source.cache_clear()


@pytest.fixture
def admin_user(db: None) -> User:
    return User.objects.create_superuser("ada", password="a long password")


@pytest.fixture
def viewer(db: None) -> User:
    """A member of staff without permissions."""
    return User.objects.create_user("vera", password="a long password", is_staff=True)


@pytest.fixture
def page(admin_user: User) -> Client:
    """A browser in which the administrator has signed in."""
    client = Client()
    client.force_login(admin_user)
    return client
