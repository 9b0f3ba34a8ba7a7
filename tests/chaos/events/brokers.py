"""The broker of a run, which is ours to kill: the embedded Valkey as `make up` runs it, or a RabbitMQ."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import redis
from kombu import Connection
from kombu.exceptions import KombuError

from libs.devstack import broker
from libs.service.embedded import broker_url, socket_path
from libs.testing.ports import free_ports
from tests.system.stack import eventually

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
READY_WITHIN = 60.0


class Broker:
    """Starts, dies, stands still and forgets. One thing is done to it at a time."""

    def __init__(self, home):
        self.home = home
        self.doing = threading.Lock()
        self.process = None

    def start(self):
        """Start it and wait until it answers."""
        with (self.home / "log" / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )
        eventually(self.answers, within=READY_WITHIN, what="an answer of the broker")

    def stop(self):
        """End it for good, as kindly as `kill` does."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait(10)

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def environment(self):
        return dict(os.environ)


class Valkey(Broker):
    """The server and the configuration of `make up`: what was taken is on disk within a second."""

    def __init__(self, home):
        super().__init__(home)
        self.url = broker_url(home)
        self.config = broker.write_config(home)

    def command(self):
        return [str(broker.binary()), str(self.config)]

    def answers(self):
        try:
            with self._client() as client:
                return client.ping()
        except redis.RedisError:
            return False

    def wipe(self, queues):
        """Forget everything: queues, and what workers have in hand."""
        with self._client() as client:
            client.flushall()

    def _client(self):
        return redis.Redis(unix_socket_path=str(socket_path(self.home)), socket_timeout=20)


class RabbitMQ(Broker):
    """Debian's RabbitMQ with data and ports of its own."""

    def __init__(self, home):
        super().__init__(home)
        self.port, self.distribution, self.epmd = free_ports(3)
        self.url = f"amqp://microtodo:chaos@127.0.0.1:{self.port}//"
        self.data = home / "rabbitmq"
        self.data.mkdir()
        (self.data / "rabbitmq.conf").write_text(
            f"default_user = microtodo\ndefault_pass = chaos\nlisteners.tcp.default = 127.0.0.1:{self.port}\n"
        )

    def command(self):
        return [str(RABBITMQ)]

    def environment(self):
        return {
            **os.environ,
            "HOME": str(self.data),
            "RABBITMQ_NODENAME": f"mt-chaos-{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.data / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_LOG_BASE": str(self.data),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.data / "plugins"),
            "RABBITMQ_PID_FILE": str(self.data / "pid"),
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "ERL_EPMD_PORT": str(self.epmd),
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
        }

    def answers(self):
        try:
            with self._connection() as connection:
                connection.ensure_connection(max_retries=1)
                return True
        except (KombuError, OSError):
            return False

    def wipe(self, queues):
        """Delete the queues with what is in them."""
        with self._connection() as connection:
            for queue in queues:
                connection.default_channel.queue_delete(queue)

    def stop(self):
        super().stop()
        subprocess.run(["epmd", "-kill"], env=self.environment(), capture_output=True, check=False, timeout=10)

    def _connection(self):
        return Connection(self.url, connect_timeout=20)
