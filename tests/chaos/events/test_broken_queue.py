"""A queue that RabbitMQ has broken is made anew by who sends to it, and holds no other up until then."""

import signal
import threading
import time

import pytest
from django.conf import settings

from libs.eventbus import conf
from libs.eventbus.repair import BROKEN_SECONDS
from libs.eventbus.signing import Message
from libs.eventbus.transports import TransportError
from libs.eventbus.transports.celery import CeleryTransport
from tests.chaos.events.brokers import RabbitMQ
from tests.system.stack import eventually

BROKEN, SOUND = "todo.events", "auth.events"


@pytest.fixture
def rabbitmq(tmp_path):
    (tmp_path / "log").mkdir()
    broker = RabbitMQ(tmp_path)
    broker.start()
    settings.configure(SERVICE="events", BROKER_URL=broker.url, INSTALLED_APPS=[])
    yield broker
    broker.stop()


@pytest.fixture
def transports():
    """Two senders, as two processes would have them."""
    made = CeleryTransport(), CeleryTransport()
    yield made
    for transport in made:
        for sender in transport._senders.values():
            sender._drop()


def test_a_queue_without_a_leader_is_deleted_and_made_anew(rabbitmq, transports):
    """Where it has one, RabbitMQ has been mended, and nothing is left to repair."""

    def is_taken(queue, transport=transports[0]):
        try:
            transport.send(Message("events.receive", queue, "events", "{}", ""))
        except TransportError:
            return False
        return True

    assert is_taken(SOUND)
    time.sleep(2)  # what is made within the second before the end may be broken
    assert is_taken(BROKEN)
    rabbitmq.wipe([BROKEN])
    assert is_taken(BROKEN, transports[1])  # over a new connection, by which the queue is declared anew
    rabbitmq.signal(signal.SIGKILL)
    rabbitmq.process.wait(10)
    rabbitmq.start()
    eventually(lambda: is_taken(SOUND), within=30, what="a broker that is there again")
    began = time.monotonic()
    others, repaired = [], threading.Event()

    def send_to_the_other():
        while not repaired.wait(0.1):
            before = time.monotonic()
            assert is_taken(SOUND)
            others.append(time.monotonic() - before)

    sender = threading.Thread(target=send_to_the_other)
    sender.start()
    try:
        eventually(lambda: is_taken(BROKEN), within=60, what="a queue that takes messages")
    finally:
        repaired.set()
        sender.join()
    assert time.monotonic() - began > BROKEN_SECONDS
    assert len(others) > BROKEN_SECONDS
    assert max(others) < conf.SEND_TIMEOUT
