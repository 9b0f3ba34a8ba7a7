"""Queues that the broker has broken are deleted, and no others."""

from typing import Any
from unittest.mock import MagicMock

import pytest
from amqp.exceptions import InternalError, MessageNacked

from libs.eventbus.repair import BROKEN_SECONDS, Repairs


class Broker:
    """A broker whose queues in `broken` have no leader: they fail, or do not answer where it is `slow`."""

    def __init__(self, *broken: str, slow: bool = False) -> None:
        self.broken = set(broken)
        self.slow = slow
        self.stands_still = False
        self.deleted: list[str] = []
        self.now = 100.0

    def connect(self) -> Any:
        connection = MagicMock(transport_options={})
        connection.channel = self._channel
        return connection

    def _channel(self) -> Any:
        if self.stands_still:
            raise TimeoutError
        return MagicMock(basic_get=self._get, queue_delete=self.deleted.append)

    def _get(self, name: str) -> None:
        if name in self.broken:
            raise TimeoutError if self.slow else InternalError("noproc")


def failing(broker: Broker, *errors: BaseException, every: float = BROKEN_SECONDS) -> list[str]:
    repairs = Repairs(broker.connect, lambda: broker.now)
    for error in errors:
        repairs.failed("todo.events", error)
        broker.now += every
    return broker.deleted


def caused() -> Exception:
    error = OSError("wrapped")
    error.__cause__ = MessageNacked()
    return error


@pytest.mark.parametrize("error", [MessageNacked(), InternalError(""), TimeoutError(), caused()])
def test_a_queue_that_stays_broken_is_deleted(error: Exception) -> None:
    assert failing(Broker("todo.events"), error, error) == ["todo.events"]


def test_a_leader_gets_time_to_be_elected() -> None:
    assert failing(Broker("todo.events"), MessageNacked(), MessageNacked(), every=BROKEN_SECONDS / 2) == []


def test_what_somebody_else_has_repaired_stays() -> None:
    assert failing(Broker(), MessageNacked(), MessageNacked()) == []


def test_a_broker_that_is_away_breaks_no_queue() -> None:
    away = ConnectionRefusedError()

    assert failing(Broker("todo.events"), MessageNacked(), away, MessageNacked(), every=BROKEN_SECONDS - 1) == []
    assert failing(Broker("todo.events"), away, away, away) == []


def test_a_queue_that_does_not_answer_is_deleted() -> None:
    assert failing(Broker("todo.events", slow=True), TimeoutError(), TimeoutError()) == ["todo.events"]


def test_a_broker_that_stands_still_loses_no_queue() -> None:
    broker = Broker("todo.events", slow=True)
    broker.stands_still = True
    with pytest.raises(TimeoutError):
        failing(broker, TimeoutError(), TimeoutError())
    assert broker.deleted == []


def test_a_message_that_arrives_ends_the_doubt() -> None:
    broker = Broker("todo.events")
    repairs = Repairs(broker.connect, lambda: broker.now)
    repairs.failed("todo.events", MessageNacked())
    broker.now += BROKEN_SECONDS
    repairs.worked("todo.events")
    repairs.failed("todo.events", MessageNacked())

    assert broker.deleted == []
