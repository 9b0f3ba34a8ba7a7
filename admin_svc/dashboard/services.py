"""Writing: the journal of state changes, the audit, failed sign-ins, and what people do to the platform."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from admin_svc.dashboard.instances import Instance
from admin_svc.dashboard.models import AuditEntry, LoginFailure, Transition
from admin_svc.dashboard.selectors import LOGIN_WINDOW
from admin_svc.dashboard.sources.base import source
from libs.contracts.errors import ServiceError

log = structlog.get_logger(__name__)


def transition_record(*, instance: Instance, state: str) -> Transition | None:
    """Write down that `instance` is in `state` now; None where that is known, or another process was faster."""
    slot = Transition.objects.filter(service=instance.service, instance=instance.id)
    last = slot.order_by("-number").first()
    if last and (last.incarnation, last.after) == (instance.incarnation, state):
        return None
    try:
        with transaction.atomic():
            return Transition.objects.create(
                service=instance.service,
                instance=instance.id,
                number=last.number + 1 if last else 1,
                incarnation=instance.incarnation,
                before=last.after if last else "",
                after=state,
                address=instance.address,
                version=instance.version,
            )
    except IntegrityError:
        return None


def transitions_observe(*, instances: Iterable[Instance], complete: bool) -> list[Transition]:
    """Compare what is seen with the journal and write down the changes.

    Only a `complete` view tells that a missing instance is gone; a degraded or restarting Registry does not.
    """
    seen = {(one.service, one.id): one for one in instances}
    last = _last_transitions()
    changes = [
        transition_record(instance=one, state=one.state)
        for key, one in seen.items()
        if key not in last or (last[key].incarnation, last[key].after) != (one.incarnation, one.state)
    ]
    for key, known in last.items():
        if complete and key not in seen and known.after != Transition.GONE:
            gone = Instance(*key, state=Transition.GONE, incarnation=known.incarnation, version=known.version)
            changes.append(transition_record(instance=gone, state=Transition.GONE))
    return [change for change in changes if change]


def records_prune() -> None:
    """Delete journal and audit rows older than MT_ADMIN_JOURNAL_DAYS, but never the last one of an instance."""
    before = timezone.now() - timedelta(days=settings.JOURNAL_DAYS)
    kept = [known.pk for known in _last_transitions().values()]
    Transition.objects.filter(at__lt=before).exclude(pk__in=kept).delete()
    AuditEntry.objects.filter(at__lt=before).delete()


def login_failure_record(*, username: str, address: str) -> None:
    """Count a failed sign-in, and forget those that count no more."""
    now = timezone.now()
    LoginFailure.objects.filter(at__lt=now - LOGIN_WINDOW).delete()
    LoginFailure.objects.create(username=username[:150], address=address[:45], at=now)


def login_failures_forget(*, username: str, address: str) -> None:
    """Open the door again for somebody who has proved who he is."""
    LoginFailure.objects.filter(username=username, address=address).delete()


def delivery_retry(*, user: User, delivery: str) -> None:
    """Let Events send a dead delivery again."""
    _audited(user, "retry", f"delivery {delivery}", {}, lambda: _post("events", f"/v1/deliveries/{delivery}/retry"))


def delivery_skip(*, user: User, delivery: str) -> None:
    """Let Events give a dead delivery up."""
    _audited(user, "give up", f"delivery {delivery}", {}, lambda: _post("events", f"/v1/deliveries/{delivery}/skip"))


def replay_start(
    *,
    user: User,
    subscriber: str,
    since: str,
    until: str = "",
    event_type: str = "",
    aggregate_id: str = "",
    per_second: float = 0.0,
) -> None:
    """Let Events send past events again to a subscriber, all at once or at a pace (events a second)."""
    narrower = {"until": until, "type": event_type, "aggregate_id": aggregate_id, "per_second": per_second}
    wanted = {"subscriber": subscriber, "since": since, **{name: value for name, value in narrower.items() if value}}
    _audited(user, "replay", f"events to {subscriber}", wanted, lambda: _post("events", "/v1/replays", wanted))


def instance_act(*, user: User, service: str, instance: str, verb: str) -> None:
    """Drain an instance, put it into maintenance, or resume it."""
    path = f"/v1/services/{service}/instances/{instance}/{verb}"
    _audited(user, verb, f"{service} {instance}", {}, lambda: _post("registry", path))


def _post(service: str, path: str, body: Mapping[str, Any] | None = None) -> None:
    source().post(service, path, body)


def _audited(user: User, verb: str, target: str, details: Mapping[str, Any], act: Callable[[], None]) -> None:
    failure = "the dashboard failed while it acted"
    try:
        act()
        failure = ""
    except ServiceError as error:
        failure = error.detail
        raise
    finally:
        AuditEntry.objects.create(
            user_id=user.pk,
            username=user.get_username(),
            verb=verb,
            target=target[:255],
            details=dict(details),
            failure=failure[:500],
        )
        log.info("action", verb=verb, target=target, by=user.get_username(), failure=failure)


def _last_transitions() -> dict[tuple[str, str], Transition]:
    newest = Transition.objects.values("service", "instance").annotate(last=Max("id")).values("last")
    return {(row.service, row.instance): row for row in Transition.objects.filter(pk__in=newest)}
