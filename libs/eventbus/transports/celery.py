"""The real transport: Celery tasks over connections of its own, which are dropped and made anew after any fault."""

import threading
from contextlib import suppress

from django.conf import settings
from kombu import Connection, Producer
from kombu.exceptions import KombuError

from libs.eventbus import conf
from libs.eventbus.celery import make_app
from libs.eventbus.queues import declarations, queue
from libs.eventbus.repair import Repairs
from libs.eventbus.signing import Message
from libs.eventbus.transports.base import Transport, TransportError


class CeleryTransport(Transport):
    """Sends each queue's messages one at a time, over a connection of its own: who waits for one holds no other up.

    It connects with the first message, so it is made before a fork and used after it.
    """

    def __init__(self) -> None:
        """Connect to nothing yet."""
        self._senders: dict[str, _Sender] = {}

    def send(self, message: Message) -> None:
        """Send the task and, on RabbitMQ, wait until the broker has confirmed it."""
        sender = self._senders.get(message.queue) or self._senders.setdefault(message.queue, _Sender())
        sender.send(message)


class _Sender:
    """The connection to one queue."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._repairs = Repairs(self._connect)

    def send(self, message: Message) -> None:
        """Send `message`.

        A connection that was in use may have died unnoticed, so its failure gets one more try on a new one.
        """
        with self._lock:
            if self._producer is not None:
                with suppress(TransportError):
                    return self._try(message)
            return self._try(message)

    def _try(self, message: Message) -> None:
        try:
            self._send(message)
        except self._faults() as error:
            faults = self._faults()
            self._drop()
            with suppress(*faults):
                self._repairs.failed(message.queue, error)
            raise TransportError(f"{type(error).__name__}: {error}") from error
        self._repairs.worked(message.queue)

    def _send(self, message: Message) -> None:
        if self._producer is None:
            self._connection = self._connect()
            self._producer = Producer(self._connection)
        make_app(settings.SERVICE).send_task(
            message.task,
            kwargs=message.kwargs,
            queue=queue(message.queue),  # type: ignore[arg-type]  # the stubs know names only
            declare=declarations(message.queue),
            producer=self._producer,
            retry=False,
            ignore_result=True,
            confirm_timeout=conf.SEND_TIMEOUT,
        )

    def _connect(self) -> Connection:
        connection = make_app(settings.SERVICE).connection_for_write()
        if conf.broker_kind(settings.BROKER_URL) in ("redis", "sentinel"):
            # A broker that is frozen, not gone, must not hold the sender; consumers wait longer on purpose.
            connection.transport_options = {**connection.transport_options, "socket_timeout": conf.SEND_TIMEOUT}  # type: ignore[dict-item]
        return connection

    def _faults(self) -> tuple[type[BaseException], ...]:
        known = self._connection.connection_errors + self._connection.channel_errors if self._connection else ()
        return (KombuError, OSError, *known)

    def _drop(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.collect(socket_timeout=1)
