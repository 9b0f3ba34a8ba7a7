"""Redis with Sentinel: the primary dies, its replica takes over, and every event takes effect once and in order."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from libs.devstack import broker
from libs.testing.ports import free_ports
from tests.events_svc.real_broker.conftest import OTHER_BROKER, Platform, wait_for
from tests.events_svc.real_broker.test_exactly_once import assert_exactly_once_in_order

pytestmark = pytest.mark.skipif(bool(OTHER_BROKER), reason="needs servers of its own")

NAME = "mymaster"
SENTINELS = 3
CONFIG = """\
port {port}
dir {folder}
sentinel monitor {name} 127.0.0.1 {primary} 2
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 5000
"""


class Sentinels:
    """A primary, a replica, and three that watch them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.primary, self.replica, *self.watchers = free_ports(2 + SENTINELS)
        self._server(self.primary)
        self._server(self.replica, "--replicaof", f"127.0.0.1 {self.primary}")
        wait_for(lambda: self._info(self.primary, "connected_slaves") == 1, what="the replica")
        for port in self.watchers:
            self._watcher(port)
        wait_for(lambda: all(self._knows_all(port) for port in self.watchers), what="the sentinels' acquaintance")
        addresses = ";".join(f"sentinel://127.0.0.1:{port}/0" for port in self.watchers)
        platform.broker_url = f"{addresses}?master_name={NAME}"

    def kill_primary(self) -> None:
        """End the primary at once."""
        os.kill(self._info(self.primary, "process_id"), signal.SIGKILL)

    def wait_for_failover(self) -> None:
        """Return when the replica has the primary's place."""
        wait_for(lambda: self._info(self.replica, "role") == "master", what="the failover")

    def _server(self, port: int, *options: str) -> None:
        folder = self._folder(port)
        command = [str(broker.binary()), "--port", str(port), "--dir", str(folder), "--appendonly", "yes", *options]
        self._platform.start_command(command, os.environ.copy(), f"valkey-{port}")
        wait_for(lambda: self._info(port, "process_id"), what="the answer of Valkey")

    def _watcher(self, port: int) -> None:
        file = self._folder(port) / "sentinel.conf"
        file.write_text(CONFIG.format(port=port, folder=file.parent, name=NAME, primary=self.primary))
        self._platform.start_command([str(broker.binary()), str(file), "--sentinel"], os.environ.copy(), "sentinel")

    def _folder(self, port: int) -> Path:
        folder = self._platform.home / str(port)
        folder.mkdir()
        return folder

    def _info(self, port: int, name: str) -> object:
        with suppress(redis.RedisError), redis.Redis(port=port, socket_timeout=2) as client:
            return client.info()[name]
        return None

    def _knows_all(self, port: int) -> bool:
        with suppress(redis.RedisError), redis.Redis(port=port, socket_timeout=2) as client:
            known = client.sentinel_master(NAME)
            return known["num-slaves"] == 1 and known["num-other-sentinels"] == SENTINELS - 1
        return False


@pytest.fixture
def sentinels(platform: Platform) -> Sentinels:
    made = Sentinels(platform)
    platform.start("events", "worker")
    wait_for((platform.home / "events.port").exists, what="the bridge of Events")
    platform.start("todo", "worker")
    wait_for(platform.subscribed, what="the subscription")
    return made


def test_a_failover_loses_and_repeats_nothing(platform: Platform, sentinels: Sentinels) -> None:
    publisher = platform.start("todo", "publish", "300", "10", "0.02")
    wait_for(lambda: len(platform.effects()) > 50, what="the first effects")
    sentinels.kill_primary()
    sentinels.wait_for_failover()
    assert publisher.wait(timeout=120) == 0
    assert_exactly_once_in_order(platform, 300)


def test_a_failover_in_the_middle_of_a_task_does_not_leave_its_worker_idle(
    platform: Platform, sentinels: Sentinels
) -> None:
    (platform.home / "hold").touch()
    assert platform.start("todo", "publish", "1", "1", "0.0").wait(timeout=60) == 0
    wait_for((platform.home / "inside").exists, what="the reaction")
    sentinels.kill_primary()
    (platform.home / "hold").unlink()
    sentinels.wait_for_failover()
    assert platform.start("todo", "publish", "5", "6", "0.0").wait(timeout=60) == 0
    wait_for(lambda: len(platform.effects()) == 6, seconds=45, what="the effects")
