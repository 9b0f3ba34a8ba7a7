"""What a transport is."""

from abc import ABC, abstractmethod

from libs.eventbus.signing import Message


class TransportError(Exception):
    """The broker did not take the message; the text says why."""


class Transport(ABC):
    """Sends messages. Thread-safe."""

    @abstractmethod
    def send(self, message: Message) -> None:
        """Hand `message` to the broker; TransportError where it was not taken, or perhaps not."""
