"""A store of its own for every test, and records to put into it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from libs.testing.client import BridgeTestClient, CallingClient
from logger_svc.records import stores
from logger_svc.records import writer as writers
from logger_svc.records.models import Record, microseconds
from tests.logger_svc.posting import post

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the service write into this test's folder, or into empty tables, and stop the writer at the end."""
    before, settings.LOG_STORE_DIR = settings.LOG_STORE_DIR, str(tmp_path / "logs")
    if not settings.EMBEDDED and request.node.get_closest_marker("django_db"):
        request.getfixturevalue("empty_tables")
    yield
    writers.reset()
    settings.LOG_STORE_DIR = before


@pytest.fixture
def empty_tables(django_db_setup: None, django_db_blocker: Any) -> None:
    """Forget what other tests have committed: log records are no models, so Django does not flush them."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'logger_records'::regclass")
        for (partition,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE {partition}")
        cursor.execute("TRUNCATE logger_sources, logger_batches; UPDATE logger_head SET last = 0")
    connection.close()
    stores._made.clear()


@pytest.fixture
def todo(api: BridgeTestClient) -> CallingClient:
    return api.as_service("todo")


@pytest.fixture
def admin(api: BridgeTestClient) -> CallingClient:
    return api.as_service("admin")


@pytest.fixture
def wrote(todo: CallingClient) -> Callable[..., None]:
    """Write records as TODO: each a dict of what differs from the usual."""

    def run(*records: dict[str, Any]) -> None:
        answer = post(todo, *records)
        assert answer.status_code == 200, answer.content

    return run


def make_record(**given: Any) -> Record:
    """A record as the store takes it."""
    usual: dict[str, Any] = {
        "id": 0,
        "time": microseconds(NOW),
        "level": 20,
        "service": "todo",
        "instance": "todo-1",
        "logger": "todo_svc.todos",
        "message": "task created",
        "request_id": "",
        "trace_id": "",
        "span_id": "",
        "user_id": "",
        "attributes": "{}",
    }
    return Record(**{**usual, **given})
