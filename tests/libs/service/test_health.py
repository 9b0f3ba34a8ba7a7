import pytest
from django.db import OperationalError, connection

from libs.service import health as module
from libs.service.health import Health, _Probe, serving


@pytest.mark.django_db(transaction=True)
def test_a_process_whose_database_answers_is_well():
    assert _Probe()() == Health("passing")


@pytest.mark.django_db(transaction=True)
def test_a_database_that_does_not_answer_makes_it_critical(monkeypatch):
    def refuse(*args):
        raise OperationalError("unable to open database file")

    monkeypatch.setattr(connection, "cursor", refuse)

    found = _Probe()()

    assert found.status == "critical"
    assert "unable to open" in found.detail


@pytest.mark.django_db(transaction=True)
def test_many_questions_cost_one_query(django_assert_num_queries):
    probe = _Probe()
    with django_assert_num_queries(1):
        for _ in range(20):
            probe()


def test_the_grpc_form_says_whether_it_serves(monkeypatch):
    monkeypatch.setattr(module, "health", lambda: Health("critical", "database"))
    assert serving() == (False, "database")
    monkeypatch.setattr(module, "health", lambda: Health("warning", "slow"))
    assert serving() == (True, "slow")
