"""Acknowledging: what a subscriber says became of its deliveries, and what follows from silence."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from events_svc.deliveries.models import Delivery, Status, blocks_for
from events_svc.deliveries.services.nudge import nudge_after_commit

log = structlog.get_logger(__name__)

#: Pauses after the first, second … failed attempt, and after the first, second … silence (seconds). After the last
#: attempt the delivery is dead.
SCHEDULE = (1, 5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600)
NO_ANSWER = "The subscriber did not acknowledge in time."
SWEPT_AT_ONCE = 500
_SETTLED = ("status", "attempts", "silences", "due_at", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one attempt. Untried: an earlier event of the same aggregate failed.

    `unknown_version`: the subscriber will understand the event after it has been brought up to date.
    """

    delivery: int
    attempt: int
    ok: bool
    tried: bool = True
    error: str = ""
    unknown_version: bool = False

    @classmethod
    def from_json(cls, value: Any) -> "Result":
        """Read a JSON object; unknown members are ignored, a missing or wrong one is a ValueError."""
        members = value if isinstance(value, Mapping) else {}
        known = {name: members[name] for name in _KINDS if name in members}
        if not known.keys() >= {"delivery", "attempt", "ok"}:
            raise ValueError("a result has delivery, attempt and ok")
        wrong = [name for name, found in known.items() if type(found) is not _KINDS[name]]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: of the wrong type")
        known["error"] = known.get("error", "").replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL takes no NUL
        return cls(**known)


_KINDS: dict[str, type] = {
    **dict.fromkeys(("delivery", "attempt"), int),
    **dict.fromkeys(("ok", "tried", "unknown_version"), bool),
    "error": str,
}


@transaction.atomic
def deliveries_acknowledge(*, subscriber: str, results: Sequence[Result]) -> None:
    """Note `results`. Success counts whenever it comes; failure only of the attempt that is under way."""
    now = timezone.now()
    mine = Delivery.objects.filter(subscriber=subscriber)
    applied = mine.filter(pk__in=[result.delivery for result in results if result.ok]).exclude(status=Status.ACKED)
    applied.update(status=Status.ACKED, done_at=now, error="")
    _fail_passed(mine, [result.delivery for result in results if result.ok], now)
    failures = {result.delivery: result for result in results if not result.ok}
    if failures:
        under_way = mine.filter(pk__in=failures, status=Status.SENT).select_for_update().order_by("id")
        _settle([row for row in under_way if row.attempts == failures[row.pk].attempt], failures, now)
    nudge_after_commit()


def _settle(rows: Sequence[Delivery], failures: Mapping[int, Result], now: datetime) -> None:
    jitter = _jitter()
    for row in rows:
        result, row.silences = failures[row.pk], 0
        if result.unknown_version:
            row.status, row.attempts, row.due_at = Status.PARKED, row.attempts - 1, now + blocks_for()
            row.error = result.error
        elif result.tried:
            _fail(row, result.error, now, jitter)
        else:
            row.status, row.attempts, row.due_at = Status.PENDING, row.attempts - 1, now
    Delivery.objects.bulk_update(rows, _SETTLED, batch_size=100)


def _fail(row: Delivery, error: str, now: datetime, jitter: float) -> None:
    row.error = error
    if row.attempts > len(SCHEDULE):
        row.status, row.due_at = Status.DEAD, now + blocks_for()
        log.error("a delivery is dead", delivery=row.pk, subscriber=row.subscriber, attempts=row.attempts)
    else:
        row.status, row.due_at = Status.PENDING, now + timedelta(seconds=SCHEDULE[row.attempts - 1] * jitter)


def _jitter() -> float:
    """Give a factor for full jitter; one for all rows of a call, so that an aggregate's batch stays together."""
    return random.random()  # noqa: S311  (spreads load, hides nothing)


def _fail_passed(mine: QuerySet[Delivery], answered: Sequence[int], now: datetime) -> None:
    """Count the silence about what was sent before something that is `answered` as an attempt that failed.

    A queue is first in, first out: the subscriber has had its turn, so the message was lost or ends its worker.
    """
    silent = mine.filter(status=Status.PENDING, due_at__gt=now, silences__gt=0)
    if not answered or not silent.exists():
        return
    reached = mine.filter(pk__in=answered).aggregate(Max("sent_at"))["sent_at__max"]
    passed = silent.filter(sent_at__lt=reached).select_for_update(skip_locked=True)
    rows = list(passed.order_by("id")[:SWEPT_AT_ONCE])
    jitter = _jitter()
    for row in rows:
        row.attempts, row.silences = row.attempts + 1, 0
        _fail(row, NO_ANSWER, now, jitter)
    Delivery.objects.bulk_update(rows, _SETTLED, batch_size=100)


@transaction.atomic
def leases_expire() -> int:
    """Take back deliveries that nobody acknowledged in time; give their number.

    That is no fault of theirs as long as nothing that was sent later is acknowledged: the subscriber is away, or slow,
    or the broker has lost everything. It costs no attempt, and they can't die of it.
    """
    now = timezone.now()
    expired = Delivery.objects.filter(status=Status.SENT, due_at__lte=now)
    rows = list(expired.select_for_update(skip_locked=True).order_by("id")[:SWEPT_AT_ONCE]) if expired.exists() else []
    jitter = _jitter()
    for row in rows:
        row.attempts, row.silences = row.attempts - 1, row.silences + 1
        row.status, row.error = Status.PENDING, NO_ANSWER
        row.due_at = now + timedelta(seconds=SCHEDULE[min(row.silences, len(SCHEDULE)) - 1] * jitter)
    if rows:
        log.warning("deliveries were not acknowledged in time", count=len(rows), subscribers=_names(rows))
        Delivery.objects.bulk_update(rows, _SETTLED, batch_size=100)
        nudge_after_commit()
    return len(rows)


def _names(rows: Sequence[Delivery]) -> list[str]:
    return sorted({row.subscriber for row in rows})
