"""Logger keeps its own logs without calling itself."""

import json
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from libs.telemetry import Batch
from libs.testing.client import CallingClient

pytestmark = pytest.mark.django_db(transaction=True)


def shipped(sequence: int) -> Batch:
    record = {
        "time": datetime.now(UTC).isoformat(),
        "level": "info",
        "service": "logger",
        "instance": "logger-1",
        "logger": "x",
        "message": "hello",
    }
    return Batch.of([json.dumps(record).encode()], instance="logger-1", boot="b", sequence=sequence)


def test_its_batches_are_stored_once(admin: CallingClient) -> None:
    sink = import_string(settings.LOG_SINK)()
    for sequence in (1, 1, 2):
        sink(shipped(sequence))
    items = admin.get("/v1/logs").json()["items"]
    assert [(item["service"], item["message"]) for item in items] == [("logger", "hello")] * 2
