"""The dispatcher: sends due deliveries as `events.receive` tasks to their subscribers' queues.

A batch is leased in one transaction and sent after its commit, so no lock waits for the broker. A thread of its own
waits for queues that take nothing, so nobody else's events do.
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
from libs.eventbus.nudges import Nudge
from libs.eventbus.signing import Message
from libs.eventbus.transports import TransportError, transport

#: How often due deliveries are looked for where no commit of this process gave a nudge (seconds).
SWEEP = 0.5
#: A batch with fewer events has very likely taken all that was due; the next nudge or sweep finds the rest.
FULL = MAX_EVENTS // 4


#: Subscribers whose queue did not take the last message.
_refusing: set[str] = set()
_AGAIN = Nudge()


class Dispatcher:
    """A Part of each Events worker; several share the work."""

    def __init__(self) -> None:
        """Wait for nudges."""
        self._loopers = (
            Looper("dispatcher", dispatch, nudge=DISPATCH),
            Looper("dispatcher-again", dispatch_again, nudge=_AGAIN),
        )

    def start(self) -> None:
        """Start the threads."""
        for looper in self._loopers:
            looper.start()

    def stop(self) -> None:
        """End the threads."""
        for looper in self._loopers:
            looper.stop()


def dispatch() -> float:
    """Send all that may be sent now where the last message was taken; give the seconds until the next look."""
    for subscriber in subscribers_due(timezone.now()):
        if subscriber not in _refusing:
            with suppress(TransportError):
                _dispatch_to(subscriber)
    return SWEEP


def dispatch_again() -> float:
    """Send what is due where the last message was not taken; TransportError where none is now either."""
    refused: list[TransportError] = []
    for subscriber in subscribers_due(timezone.now()) if _refusing else ():
        if subscriber in _refusing:
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
        if subscriber in _refusing:
            deliveries_give_back(batch)
            continue
        with suppress(TransportError):
            _send(subscriber, known[subscriber], batch)


def _send(subscriber: str, queue: str, batch: Sequence[Lease]) -> None:
    events = [{"delivery": each.delivery, "attempt": each.attempt, "event": each.event} for each in batch]
    try:
        transport().send(Message.sealed(TASK_RECEIVE, queue, {"subscription": subscriber, "events": events}))
    except TransportError:
        deliveries_give_back(batch)
        _refusing.add(subscriber)
        _AGAIN.give()
        raise
    _refusing.discard(subscriber)
