"""The consumer: a task that can't be acknowledged ends the connection."""

from types import SimpleNamespace

import pytest
from kombu import Message

from libs.eventbus.consumer import Consumer, NotAcknowledged


class Hub:
    def call_soon(self, callback):
        callback()


class Channel:
    no_ack_consumers = None

    def __init__(self, fault=None):
        self.fault = fault

    def basic_ack(self, tag, multiple=False):
        if self.fault:
            raise self.fault


class Log:
    def critical(self, *args, **kwargs):
        """Celery says here what happened."""


def consumer_on(channel):
    made = Consumer.__new__(Consumer)
    made.hub = Hub()
    made.task_consumer = SimpleNamespace(channel=channel)
    return made


def acknowledge(consumer, channel):
    message = Message(channel=channel, delivery_tag="1")
    consumer.call_soon_ack(message.ack_log_error, Log(), (OSError,))
    return message


def test_a_failed_acknowledgement_is_an_error_of_the_connection():
    channel = Channel(ConnectionError("gone"))
    with pytest.raises(NotAcknowledged):
        acknowledge(consumer_on(channel), channel)
    assert issubclass(NotAcknowledged, OSError)  # what Celery takes for a lost connection


def test_one_of_an_earlier_connection_leaves_the_new_one_alone():
    assert not acknowledge(consumer_on(Channel()), Channel(ConnectionError("gone"))).acknowledged


def test_a_task_that_is_acknowledged_is_none():
    channel = Channel()
    assert acknowledge(consumer_on(channel), channel).acknowledged
