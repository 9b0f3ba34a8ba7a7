"""The journal, the audit and what people do to the platform."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from admin_svc.dashboard import selectors, services
from admin_svc.dashboard.models import AuditEntry, Transition
from admin_svc.dashboard.sources.recording import RecordingSource
from libs.contracts.errors import Conflict
from tests.admin_svc.scenes import an_instance

pytestmark = pytest.mark.django_db


def journal() -> list[tuple[str, str, str, int]]:
    rows = Transition.objects.order_by("id")
    return [(row.instance, row.before, row.after, row.number) for row in rows]


def test_a_new_instance_enters_the_journal_once() -> None:
    for _ in range(2):
        services.transitions_observe(instances=[an_instance()], complete=True)
    assert journal() == [("todo-1", "", "up", 1)]


def test_each_change_of_state_is_written_with_what_was_before() -> None:
    for state in ("up", "down", "up"):
        services.transitions_observe(instances=[an_instance(state=state)], complete=True)
    assert journal() == [("todo-1", "", "up", 1), ("todo-1", "up", "down", 2), ("todo-1", "down", "up", 3)]


def test_a_restart_in_the_same_state_is_a_change_too() -> None:
    services.transitions_observe(instances=[an_instance()], complete=True)
    services.transitions_observe(instances=[an_instance(incarnation="next life")], complete=True)
    assert journal()[-1] == ("todo-1", "up", "up", 2)
    assert [row.restarted for row in Transition.objects.order_by("id")] == [False, True]


def test_a_missing_instance_is_gone_once() -> None:
    services.transitions_observe(instances=[an_instance()], complete=True)
    for _ in range(2):
        services.transitions_observe(instances=[], complete=True)
    assert journal() == [("todo-1", "", "up", 1), ("todo-1", "up", "gone", 2)]


def test_while_the_registry_is_degraded_nobody_is_gone() -> None:
    services.transitions_observe(instances=[an_instance()], complete=True)
    assert services.transitions_observe(instances=[], complete=False) == []


def test_two_processes_that_see_the_same_change_write_it_once() -> None:
    first = services.transition_record(instance=an_instance(), state="up")
    second = services.transition_record(instance=an_instance(), state="up")
    assert first is not None
    assert second is None


def test_pruning_keeps_the_last_change_of_each_instance() -> None:
    for state in ("up", "down"):
        services.transitions_observe(instances=[an_instance(state=state)], complete=True)
    Transition.objects.update(at=timezone.now() - timedelta(days=400))
    services.records_prune()
    assert [row[2] for row in journal()] == ["down"]


def test_pruning_forgets_old_audit_entries(admin_user: User) -> None:
    AuditEntry.objects.create(username="ada", verb="retry", target="x", at=timezone.now() - timedelta(days=400))
    services.records_prune()
    assert not AuditEntry.objects.exists()


def test_a_retry_is_asked_of_events_and_audited(platform: RecordingSource, admin_user: User) -> None:
    platform.answer("POST", "events", "/v1/deliveries/d1/retry", None)
    services.delivery_retry(user=admin_user, delivery="d1")
    assert len(platform.called("POST", "events", "/v1/deliveries/d1/retry")) == 1
    entry = AuditEntry.objects.get()
    assert (entry.username, entry.verb, entry.target, entry.failure) == ("ada", "retry", "delivery d1", "")


def test_a_refused_action_is_audited_with_its_reason(platform: RecordingSource, admin_user: User) -> None:
    platform.answer("POST", "events", "/v1/deliveries/d1/retry", Conflict("it is on its way"))
    with pytest.raises(Conflict):
        services.delivery_retry(user=admin_user, delivery="d1")
    assert AuditEntry.objects.get().failure == "it is on its way"


def test_a_replay_names_subscriber_start_and_type(platform: RecordingSource, admin_user: User) -> None:
    platform.answer("POST", "events", "/v1/replays", None)
    services.replay_start(user=admin_user, subscriber="todo", since="2026-11-23T00:00:00+00:00", event_type="auth.*")
    wanted = {"subscriber": "todo", "since": "2026-11-23T00:00:00+00:00", "type": "auth.*"}
    assert platform.called("POST", "events", "/v1/replays") == [wanted]
    assert AuditEntry.objects.get().details == wanted


def test_a_delivery_is_given_up_by_events_and_audited(platform: RecordingSource, admin_user: User) -> None:
    platform.answer("POST", "events", "/v1/deliveries/d1/skip", None)
    services.delivery_skip(user=admin_user, delivery="d1")
    assert len(platform.called("POST", "events", "/v1/deliveries/d1/skip")) == 1
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.target, entry.failure) == ("give up", "delivery d1", "")


def test_draining_is_asked_of_the_registry(platform: RecordingSource, admin_user: User) -> None:
    path = "/v1/services/todo/instances/todo-1/drain"
    platform.answer("POST", "registry", path, None)
    services.instance_act(user=admin_user, service="todo", instance="todo-1", verb="drain")
    assert platform.called("POST", "registry", path) == [{}]


def test_the_journal_of_one_instance_is_the_newest_first() -> None:
    for state in ("up", "down"):
        services.transitions_observe(instances=[an_instance(state=state), an_instance("auth")], complete=True)
    shown = selectors.transitions(service="todo", instance="todo-1")
    assert [row.after for row in shown] == ["down", "up"]
