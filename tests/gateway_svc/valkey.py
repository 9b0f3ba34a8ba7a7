"""A real server of the Redis protocol, which tests may kill, bring back and freeze."""

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import redis

from libs.devstack import broker
from libs.service.env import ConfigurationError


class Valkey:
    """The server of `make up`, with its configuration, in a folder of its own."""

    def __init__(self) -> None:
        try:
            self._binary = broker.binary()
        except ConfigurationError as error:  # `make isolated` installs no extras
            pytest.skip(str(error))
        self._home = Path(tempfile.mkdtemp(prefix="mt-vk-"))  # short: it holds a socket
        self._config = broker.write_config(self._home)
        self._socket = self._home / "run" / "valkey.sock"
        self.url = f"unix://{self._socket}?db=1"
        self.client = redis.Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen([self._binary, self._config], stdout=subprocess.DEVNULL)
        give_up = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < give_up
            time.sleep(0.01)

    def settle(self) -> None:
        """Wait until all is in its file: beside a busy disk it writes later than it answers, and a death loses that."""
        give_up = time.monotonic() + 20
        while self.client.info("persistence")["aof_buffer_length"]:
            assert time.monotonic() < give_up
            time.sleep(0.01)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.client.close()
        self.kill()
        shutil.rmtree(self._home)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False
