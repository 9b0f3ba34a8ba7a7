"""A Valkey of our own on a unix socket, migrated databases, and processes that end with the test.

MT_TEST_BROKER_URL names another broker to use instead, such as a RabbitMQ.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from libs.devstack import broker
from libs.testing.keys import write_keys

OTHER_BROKER = os.environ.get("MT_TEST_BROKER_URL", "")
SETTINGS = {"events": "events_svc.config.settings", "todo": "tests.events_svc.real_broker.settings"}


def wait_for(condition: Callable[[], Any], *, seconds: float = 30.0, what: str = "it") -> Any:
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < give_up, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
    return found


class Platform:
    """Starts and kills processes of the two services, and looks into their databases from outside."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.socket = home / "valkey.sock"
        self.broker_url = OTHER_BROKER or f"redis+socket://{self.socket}?virtual_host=0"
        self.lease = 5
        self.running: list[subprocess.Popen[bytes]] = []
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        write_keys(home / "keys")
        (home / "db").mkdir()

    def environment(self, service: str) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": SETTINGS[service],
            "MT_HOME": str(self.home),
            "MT_SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests-only-for-tests",
            "MT_BROKER_URL": self.broker_url,
            "MT_DELIVERY_LEASE_SECONDS": str(self.lease),
            "MT_LOG_LEVEL": "INFO",
        }

    def broker(self) -> subprocess.Popen[bytes]:
        options = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.home)]
        options += ["--appendonly", "yes", "--maxmemory-policy", "noeviction"]
        process = self.start_command([str(broker.binary()), *options], os.environ.copy(), "valkey")
        wait_for(self._pings, what="the answer of Valkey")
        return process

    def _pings(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.socket)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def migrate(self) -> None:
        for service in SETTINGS:
            self.manage(service, "migrate", "--run-syncdb", "-v", "0")

    def manage(self, service: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "django", *arguments]
        subprocess.run(command, env=self.environment(service), check=True, timeout=60)

    def start(self, service: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.events_svc.real_broker", service, *arguments]
        process = self.start_command(command, self.environment(service), f"{service}-{arguments[0]}")
        if arguments[0] == "worker":
            self.workers[service] = process
        return process

    def start_command(self, command: list[str], environment: dict[str, str], name: str) -> subprocess.Popen[bytes]:
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def stop_all(self) -> None:
        for process in reversed(self.running):
            process.kill()
            process.wait(timeout=10)

    def logs(self) -> str:
        """The end of each process's log; pytest shows it where a test fails."""
        return "".join(f"== {each.name}\n{each.read_text()[-2000:]}\n" for each in sorted(self.home.glob("*.log")))

    def rows(self, service: str, query: str) -> list[Any]:
        connection = sqlite3.connect(self.home / "db" / f"{service}.sqlite3", timeout=20)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def write(self, service: str, statement: str, *values: Any) -> None:
        connection = sqlite3.connect(self.home / "db" / f"{service}.sqlite3", timeout=20)
        try:
            with connection:
                connection.execute(statement, values)
        finally:
            connection.close()

    def effects(self) -> list[tuple[str, int]]:
        return self.rows("todo", "SELECT aggregate_id, sequence FROM effects_effect ORDER BY id")

    def outbox(self) -> int:
        return int(self.rows("todo", "SELECT count(*) FROM eventbus_outboxevent")[0][0])

    def subscribed(self) -> bool:
        return bool(self.rows("events", "SELECT 1 FROM deliveries_subscription WHERE ended_at IS NULL"))

    def unfinished(self) -> int:
        return int(self.rows("events", "SELECT count(*) FROM deliveries_delivery WHERE status != 'acked'")[0][0])


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Both services with their workers, subscribed, on a broker of their own."""
    with tempfile.TemporaryDirectory(prefix="mt-") as folder:
        made = Platform(Path(folder))
        try:
            if not OTHER_BROKER:
                made.broker()
            made.migrate()
            yield made
        finally:
            made.stop_all()
            sys.stdout.write(made.logs())
