"""The relay: carries the outbox to Events and keeps each row until Events says that it is stored, or refuses it.

Every process that can publish runs one; any number may work on one outbox. Broker, Events or Registry may be away: rows
wait. What the broker loses is not stored, so it is sent again.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from libs.contracts.names import QUEUE_EVENTS, TASK_PUBLISH
from libs.discovery import ServiceClient
from libs.eventbus import nudges, outbox, quarantine
from libs.eventbus.batches import split
from libs.eventbus.loops import Looper
from libs.eventbus.models import OutboxEvent
from libs.eventbus.quarantine import Refusal
from libs.eventbus.signing import Message
from libs.eventbus.transports import TransportError, transport
from libs.telemetry import metrics

#: How often due and unconfirmed rows are looked for where no commit gave a nudge (seconds).
SWEEP = 1.0

#: After sending, so long is waited for more (seconds), where at least so many events a second come: a Celery task costs
#: more than all else that is done for an event, so dense ones share it, and sparse ones do not wait.
LINGERS = ((100, 0.15), (30, 0.02))
#: Where Events is behind with what it was sent, larger tasks help: at each look the wait grows, and shrinks later.
GROWS, SHRINKS = 2.0, 0.8
LONGEST, SHORTEST = LINGERS[0][1], LINGERS[-1][1]
#: The time in which what came is forgotten, as far as density goes (seconds).
FADES = 1.0

#: How often the outbox is counted for the metrics (seconds).
OBSERVED_EVERY = 5.0
DEPTH = metrics.gauge("mt_outbox_events", "Published events that Events has not confirmed yet.")
AGE = metrics.gauge("mt_outbox_age_seconds", "Age of the oldest of them.")
QUARANTINE = metrics.gauge("mt_outbox_quarantined_events", "Published events that Events refuses; a person decides.")


@dataclass(frozen=True, slots=True)
class Fate:
    """What Events says of events by their ids: which it has stored, and which it has refused."""

    stored: set[str]
    refused: Mapping[str, Refusal] = field(default_factory=dict)


Confirm = Callable[[list[str]], Fate]


class Pace:
    """How densely events come, as far as this relay sees them. Moments are seconds of the monotonic clock."""

    def __init__(self) -> None:
        """Begin with silence."""
        self._stretch = 1.0
        self._recent = 0.0
        self._at = 0.0

    def count(self, events: int, now: float) -> None:
        """Take note of events that go out."""
        self._recent, self._at = self._per_second(now) + events, now

    def hear(self, *, behind: bool) -> None:
        """Take note of whether Events has what it was sent a moment ago."""
        self._stretch = min(self._stretch * GROWS, LONGEST / SHORTEST) if behind else max(self._stretch * SHRINKS, 1.0)

    def linger(self, now: float) -> float:
        """Give the seconds to wait for more."""
        per_second = self._per_second(now)
        wait = next((wait for rate, wait in LINGERS if per_second >= rate), 0.0)
        return min(max(wait, SHORTEST) * self._stretch, LONGEST) if self._stretch > 1.0 else wait

    def _per_second(self, now: float) -> float:
        return self._recent * math.exp((self._at - now) / FADES)


def ask_events(ids: list[str]) -> Fate:
    """Ask Events what became of `ids`; ServiceError where it can't be asked."""
    answer = ServiceClient("events").post("/internal/v1/events/confirm", json={"ids": ids}).raise_for_status().json()
    refused = {each: Refusal(told["reason"], told["times"]) for each, told in answer.get("refused", {}).items()}
    return Fate(set(answer["stored"]), refused)


class Relay:
    """A Part with two threads, so that waiting for Events does not delay sending."""

    def __init__(self, confirm: Confirm = ask_events) -> None:
        """Use `confirm` to learn what is stored."""
        self._confirm = confirm
        self._observe_at = 0.0
        self._progress = outbox.Progress()
        self.pace = Pace()
        self._sender = Looper("relay", self.send, nudge=nudges.OUTBOX, pause=lambda: self.pace.linger(time.monotonic()))
        self._settler = Looper("relay-confirm", self.settle)

    def start(self) -> None:
        """Start both threads."""
        self._sender.start()
        self._settler.start()

    def stop(self) -> None:
        """Stop both threads; rows in the outbox stay for the next one."""
        self._sender.stop()
        self._settler.stop()

    def send(self) -> float:
        """Send all due rows; give the seconds until the next look."""
        while rows := outbox.claim():
            self.pace.count(len(rows), time.monotonic())
            self._send(rows)
            if len(rows) < outbox.BATCH:
                break
        return SWEEP

    def _send(self, rows: Sequence[OutboxEvent]) -> None:
        unsent = list(rows)
        try:
            for batch in split(rows, _weight):
                events = [row.envelope.to_json() for row in batch]
                transport().send(Message.sealed(TASK_PUBLISH, QUEUE_EVENTS, {"events": events}))
                outbox.mark_sent(batch)
                del unsent[: len(batch)]
        except TransportError:
            outbox.give_back(unsent)
            raise

    def settle(self) -> float:
        """Ask Events about sent rows: stored ones go, lost ones are due again; give the seconds until the next look."""
        self._observe()
        rows = outbox.unconfirmed()
        if not rows:
            self.pace.hear(behind=False)
            return SWEEP
        fate = self._confirm([str(row.id) for row in rows])
        last = str(rows[-1].id)
        self.pace.hear(behind=last not in fate.stored and last not in fate.refused)
        quarantine.note(rows, fate.refused)
        settled = outbox.settle(rows, fate.stored, self._progress)
        return 0.0 if settled == outbox.ASKED_AT_ONCE else SWEEP

    def _observe(self) -> None:
        """Show depth and age of the outbox, also while Events is away."""
        now = time.monotonic()
        if now >= self._observe_at:
            self._observe_at = now + OBSERVED_EVERY
            count, age = outbox.depth()
            DEPTH.set(count)
            AGE.set(age)
            QUARANTINE.set(quarantine.quarantined().count())


def _weight(row: OutboxEvent) -> int:
    return 500 + len(json.dumps(row.data))
