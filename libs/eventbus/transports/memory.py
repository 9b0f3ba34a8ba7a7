"""The transport of tests: it keeps what was sent."""

import threading
from collections.abc import Callable

from libs.contracts.names import TASK_PUBLISH
from libs.eventbus.envelope import Envelope
from libs.eventbus.signing import Message
from libs.eventbus.transports.base import Transport, TransportError


class MemoryTransport(Transport):
    """Keeps all messages in `messages`; refuses them while `broken`, and those for `broken_queues`."""

    def __init__(self) -> None:
        """Start empty and in order."""
        self.messages: list[Message] = []
        self.broken = False
        self.broken_queues: set[str] = set()
        self._arrived = threading.Condition()

    def send(self, message: Message) -> None:
        """Keep `message`."""
        if self.broken or message.queue in self.broken_queues:
            raise TransportError("the broker is away")
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()

    def wait_for(self, condition: Callable[[], bool], *, timeout: float) -> bool:
        """Wait until `condition` holds after some message; False where that takes longer than `timeout` seconds."""
        with self._arrived:
            return self._arrived.wait_for(condition, timeout)

    @property
    def sent(self) -> list[Envelope]:
        """The events published so far, in order."""
        batches = [m.content["events"] for m in self.messages if m.task == TASK_PUBLISH]
        return [Envelope.from_json(event) for batch in batches for event in batch]

    def clear(self) -> None:
        """Forget everything and work again."""
        self.messages.clear()
        self.broken_queues.clear()
        self.broken = False
