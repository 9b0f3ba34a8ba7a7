"""A queue that RabbitMQ has broken is made anew by who sends to it."""

import signal
import time

import pytest
from amqp.exceptions import MessageNacked
from kombu import Connection, Exchange, Producer, Queue

from libs.eventbus.repair import BROKEN_SECONDS, Repairs
from tests.chaos.events.brokers import RabbitMQ
from tests.system.stack import eventually

NAME = "todo.events"
QUEUE = Queue(NAME, Exchange(NAME, type="direct"), routing_key=NAME, queue_arguments={"x-queue-type": "quorum"})


@pytest.fixture
def rabbitmq(tmp_path):
    (tmp_path / "log").mkdir()
    broker = RabbitMQ(tmp_path)
    broker.start()
    yield broker
    broker.stop()


def test_a_queue_without_a_leader_is_deleted_and_made_anew(rabbitmq):
    """Where it has one, RabbitMQ has been mended, and nothing is left to repair."""

    def connect():
        return Connection(rabbitmq.url, connect_timeout=5, transport_options={"confirm_publish": True})

    def publish():
        connection = connect()
        try:
            sender = Producer(connection)
            sender.publish({}, exchange=QUEUE.exchange, routing_key=NAME, declare=[QUEUE], confirm_timeout=5)
        finally:
            connection.collect(socket_timeout=1)

    repairs = Repairs(connect)

    def is_taken():
        try:
            publish()
        except (MessageNacked, TimeoutError) as error:
            repairs.failed(NAME, error)
            return False
        return True

    publish()
    rabbitmq.wipe([NAME])
    publish()
    rabbitmq.signal(signal.SIGKILL)
    rabbitmq.process.wait(10)
    rabbitmq.start()
    began = time.monotonic()
    eventually(is_taken, within=60, what="a queue that takes messages")
    assert time.monotonic() - began > BROKEN_SECONDS
