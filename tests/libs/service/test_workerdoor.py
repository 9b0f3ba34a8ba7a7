"""The door of a worker answers /healthz and /metrics, and says in a file where it is."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from libs.service.env import ConfigurationError
from libs.service.workerdoor import WorkerDoor
from libs.telemetry import metrics

TOKEN = {"Authorization": "Bearer metrics-for-tests"}


@pytest.fixture
def door(settings: Any, tmp_path: Path) -> Iterator[WorkerDoor]:
    settings.HOME, settings.INSTANCE, settings.ADVERTISE_HOST = tmp_path, "todo-worker-1", "127.0.0.1"
    made = WorkerDoor()
    made.start()
    yield made
    made.stop()


def target(door: WorkerDoor) -> str:
    (found,) = json.loads(door.file.read_text())
    assert found["labels"] == {"service": "todo", "instance": "todo-worker-1", "kind": "worker"}
    (address,) = found["targets"]
    return str(address)


def test_metrics_are_where_the_file_says_for_those_with_the_token(door: WorkerDoor) -> None:
    metrics.counter("mt_test_of_the_door", "Something that a worker counts.").inc()
    url = f"http://{target(door)}/metrics"
    assert "mt_test_of_the_door_total 1.0" in requests.get(url, headers=TOKEN, timeout=5).text
    assert requests.get(url, timeout=5).status_code == 404


@pytest.mark.django_db
def test_health_is_a_word_and_there_is_nothing_else(door: WorkerDoor) -> None:
    assert requests.get(f"http://{target(door)}/healthz", timeout=5).json() == {"status": "passing"}
    assert requests.get(f"http://{target(door)}/v1/lists", timeout=5).json()["code"] == "not_found"


def test_the_file_goes_with_the_worker(door: WorkerDoor) -> None:
    address = target(door)
    door.stop()
    assert not door.file.exists()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{address}/metrics", headers=TOKEN, timeout=5)


def test_a_disk_that_takes_no_file_keeps_no_worker_from_answering(settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    (tmp_path / "metrics").write_text("not a folder")
    door = WorkerDoor()
    door.start()
    assert requests.get(f"http://{door.address}/metrics", headers=TOKEN, timeout=5).ok
    door.stop()


def test_a_taken_port_is_named(settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.HTTP_PORT = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match="MT_HTTP_PORT"):
            WorkerDoor()
