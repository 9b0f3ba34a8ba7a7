"""The dispatcher: sends due deliveries as `events.receive` tasks to their subscribers' queues.

A batch is leased in one transaction and sent after its commit, so no lock waits for the broker.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from django.utils import timezone

from events_svc.deliveries.selectors import queues, subscribers_due
from events_svc.deliveries.services.dispatching import Lease, deliveries_claim, deliveries_give_back
from events_svc.deliveries.services.nudge import DISPATCH
from libs.contracts.names import TASK_RECEIVE
from libs.eventbus.batches import MAX_EVENTS
from libs.eventbus.loops import Looper
from libs.eventbus.signing import Message
from libs.eventbus.transports import TransportError, transport

#: How often due deliveries are looked for where no commit of this process gave a nudge (seconds).
SWEEP = 0.5
#: A batch with fewer events has very likely taken all that was due; the next nudge or sweep finds the rest.
FULL = MAX_EVENTS // 4


class Dispatcher:
    """A Part of each Events worker; several share the work."""

    def __init__(self) -> None:
        """Wait for nudges."""
        self._looper = Looper("dispatcher", dispatch, nudge=DISPATCH)

    def start(self) -> None:
        """Start the thread."""
        self._looper.start()

    def stop(self) -> None:
        """End the thread."""
        self._looper.stop()


def dispatch() -> float:
    """Send all that may be sent now; give the seconds until the next look.

    TransportError where the broker took something not; a queue that is broken holds no other subscriber up.
    """
    refused: list[TransportError] = []
    for subscriber in subscribers_due(timezone.now()):
        try:
            _dispatch_to(subscriber)
        except TransportError as error:
            refused.append(error)
    if refused:
        raise refused[0]
    return SWEEP


def _dispatch_to(subscriber: str) -> None:
    queue = queues()[subscriber]
    while batch := deliveries_claim(subscriber=subscriber):
        _send(subscriber, queue, batch)
        if len(batch) < FULL:
            break


def hand_out(leases: Mapping[str, Sequence[Lease]]) -> None:
    """Send what was leased for each subscriber when it was stored. What the broker does not take is due again."""
    known = queues() if leases else {}
    for subscriber, batch in leases.items():
        with suppress(TransportError):
            _send(subscriber, known[subscriber], batch)


def _send(subscriber: str, queue: str, batch: Sequence[Lease]) -> None:
    events = [{"delivery": each.delivery, "attempt": each.attempt, "event": each.event} for each in batch]
    try:
        transport().send(Message.sealed(TASK_RECEIVE, queue, {"subscription": subscriber, "events": events}))
    except TransportError:
        deliveries_give_back(batch)
        raise
