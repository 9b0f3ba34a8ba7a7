"""Repairs queues that RabbitMQ has broken.

A broker that is killed may lose the state of a quorum queue (seen with 3.10.8, once in some hundred kills): the queue
is there, has no leader and never gets one. Its messages are refused, who consumes it loses the connection. It can be
deleted, and is declared anew by the next who uses it. What it held is sent again, for databases are the truth.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog
from amqp.exceptions import InternalError, MessageNacked
from kombu import Connection

log = structlog.get_logger(__name__)

#: So long (seconds) a queue may refuse everything: a leader is elected within a few.
BROKEN_SECONDS = 10.0


class Repairs:
    """Remembers since when each queue refuses messages, for one sender."""

    def __init__(self, connect: Callable[[], Connection], clock: Callable[[], float] = time.monotonic) -> None:
        """Repair over new connections."""
        self._connect = connect
        self._clock = clock
        self._since: dict[str, float] = {}

    def worked(self, name: str) -> None:
        """Take note that the queue `name` took a message."""
        self._since.pop(name, None)

    def failed(self, name: str, error: BaseException) -> None:
        """Take note of a failure; delete the queue where it has been broken for long."""
        if not _is_refusal(error):
            self._since.pop(name, None)  # the broker is away
        elif self._clock() - self._since.setdefault(name, self._clock()) >= BROKEN_SECONDS:
            del self._since[name]
            if self._is_broken(name):
                with self._connect() as connection:
                    channel: Any = connection.channel()
                    channel.queue_delete(name)
                log.error("a queue that the broker had broken was deleted", queue=name)

    def _is_broken(self, name: str) -> bool:
        """Ask for a message, which goes back when the connection ends. Somebody else may have repaired it just now."""
        try:
            with self._connect() as connection:
                channel: Any = connection.channel()
                channel.basic_get(name)
        except InternalError:
            return True
        return False


def _is_refusal(error: BaseException | None) -> bool:
    """Tell whether the broker, which is there, has refused a message."""
    return error is not None and (isinstance(error, MessageNacked | InternalError) or _is_refusal(error.__cause__))
