"""Events in tests: what was written to the outbox, and a delivery without a broker."""

from collections.abc import Sequence
from typing import Any, overload

from libs.contracts.event import Event
from libs.eventbus import Envelope, inbox, reactions
from libs.eventbus.models import OutboxEvent


class Published(Sequence[Envelope]):
    """The envelopes in the outbox, oldest first, read anew at each look."""

    @overload
    def __getitem__(self, index: int) -> Envelope: ...
    @overload
    def __getitem__(self, index: slice) -> list[Envelope]: ...
    def __getitem__(self, index: int | slice) -> Envelope | list[Envelope]:
        """Give one envelope, or several."""
        return self._all()[index]

    def __len__(self) -> int:
        """Count them."""
        return OutboxEvent.objects.count()

    @property
    def types(self) -> list[str]:
        """The event types, in order."""
        return [envelope.type for envelope in self]

    def of(self, event_type: str) -> list[Envelope]:
        """Give those of one type."""
        return [envelope for envelope in self if envelope.type == event_type]

    def clear(self) -> None:
        """Forget what was published so far."""
        OutboxEvent.objects.all().delete()

    def _all(self) -> list[Envelope]:
        return [row.envelope for row in OutboxEvent.objects.order_by("id")]


def deliver(event: Event, *, sequence: int = 1, **attributes: Any) -> Envelope:
    """Let this service react to `event` as if it were delivered, through the inbox; give the envelope."""
    envelope = Envelope.of(event, sequence=sequence, **attributes)
    inbox.apply(envelope, reactions.table())
    return envelope
