"""Repairs queues that RabbitMQ has broken.

A broker that is killed within a second after a queue was deleted and declared anew mixes the two up when it starts
again (seen with 3.10.8, each time): the queue is there, has no leader and never gets one, not after another start
either. Its messages are refused or never confirmed, who consumes it loses the connection. It can be deleted, and is
declared anew by the next who uses it. What it held is sent again, for databases are the truth.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from amqp.exceptions import InternalError, MessageNacked
from kombu import Connection

log = structlog.get_logger(__name__)

#: So long (seconds) a queue may refuse everything: a leader is elected within a few.
BROKEN_SECONDS = 10.0
#: So long (seconds) a question may wait for its answer. To delete a queue without a leader takes RabbitMQ 5.
ANSWER_SECONDS = 8.0


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
                with self._asking() as connection:
                    connection.channel().queue_delete(name)
                log.error("a queue that the broker had broken was deleted", queue=name)

    def _is_broken(self, name: str) -> bool:
        """Ask for a message, which goes back when the connection ends. Somebody else may have repaired it just now."""
        with self._asking() as connection:
            channel = connection.channel()
            try:
                channel.basic_get(name)
            except InternalError:
                return True
            except TimeoutError:
                connection.channel()  # TimeoutError where the broker stands still
                return True
        return False

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        """Connect, to ask what may not be answered; TimeoutError then."""
        connection = self._connect()
        connection.transport_options = {**connection.transport_options, "read_timeout": ANSWER_SECONDS}  # type: ignore[dict-item]
        try:
            yield connection
        finally:
            connection.collect(socket_timeout=1)  # to close it kindly would wait for the queue


def _is_refusal(error: BaseException | None) -> bool:
    """Tell whether the broker may be there and has not taken a message."""
    refusals = MessageNacked | InternalError | TimeoutError
    return error is not None and (isinstance(error, refusals) or _is_refusal(error.__cause__))
