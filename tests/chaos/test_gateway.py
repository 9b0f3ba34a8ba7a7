"""What clients of the gateway see while instances of TODO die, stand still, drain and come back."""

from gateway_svc.routing.upstream import MAX_ATTEMPTS
from tests.chaos.wire import DEADLINE, GRACE

#: What the gateway may send again although it was begun.
REPEATABLE = ("read list", "read task", "delete", "create with key")


def test_no_answer_is_wrong_nothing_is_lost_and_nothing_happens_twice(report):
    assert report.faults == []


def test_every_request_is_answered_in_time(report):
    assert report.worst <= DEADLINE + GRACE


def test_instances_have_died(report):
    assert [deed for deed in report.deeds if deed.what.startswith("kill")]


def test_only_a_death_fails_requests(report):
    """Neither does a drain, nor the end of an instance on a signal, nor one that stands still for a moment."""
    assert report.astray == []


def test_what_may_be_sent_again_fails_only_after_all_attempts_or_for_a_spent_budget(report):
    failed = [sample for sample in report.failed if sample.operation in REPEATABLE]
    given_up = [sample for sample in failed if report.attempts(sample.request_id) < MAX_ATTEMPTS]
    assert len(given_up) <= report.metrics["mt_gateway_retries_refused_total"]


def test_in_calm_nothing_fails(report):
    assert [sample for sample in report.calm_samples if sample.status in (0, 429) or sample.status >= 500] == []
