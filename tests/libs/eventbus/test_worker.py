import signal
import sys
import weakref

import pytest
from celery.exceptions import WorkerShutdown
from celery.signals import worker_process_init, worker_process_shutdown
from celery.worker import state
from django.db import connection

from libs.eventbus import worker


class Part:
    def __init__(self, fault=None):
        self.fault = fault
        self.runs = False

    def start(self):
        if self.fault:
            raise self.fault
        self.runs = True

    def stop(self):
        self.runs = False


def test_a_worker_does_not_go_on_without_a_part_that_failed_to_start():
    first, last = Part(), Part()
    beside = worker.Beside([first, Part(OSError("no space left")), last])
    beside.join()
    with pytest.raises(SystemExit, match="75"):
        worker_process_init.send(sender=None)
    assert (first.runs, last.runs) == (True, False)
    worker_process_shutdown.send(sender=None)
    assert not first.runs


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_open_where_a_worker_may_fork():
    connection.ensure_connection()

    worker.close_databases()

    assert connection.connection is None


def test_a_signal_that_comes_during_a_callback_still_ends_the_worker(monkeypatch):
    """What a weak reference's callback raises is printed and forgotten: a worker outlived its supervisor so."""
    monkeypatch.setattr(state, "should_stop", None)
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: None)
    part = Part()
    watched = weakref.ref(part, lambda gone: worker._end_early(signal.SIGTERM, None))

    del part

    assert watched() is None
    with pytest.raises(WorkerShutdown):
        state.maybe_shutdown()
