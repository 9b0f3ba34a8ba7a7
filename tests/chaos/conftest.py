"""One run for the suite: a system with three TODO instances, clients, and somebody who ends instances.

`MT_CHAOS_SECONDS` says for how long, `MT_CHAOS_SEED` repeats what was done, `MT_CHAOS_CLIENTS` says how many clients do
it: 0 for as many as are found to keep the machine busy. A report is printed at the end.
"""

import os
import secrets
import signal
import time
from contextlib import closing

import pytest

from tests.chaos.client import rng_of
from tests.chaos.killer import Killer
from tests.chaos.load import Load
from tests.chaos.report import METRICS, Report, gateway_metrics
from tests.system.stack import Stack

TODOS = ("todo-1", "todo-2", "todo-3")
SECONDS = float(os.environ.get("MT_CHAOS_SECONDS", "30"))
SEED = os.environ.get("MT_CHAOS_SEED") or secrets.token_hex(4)
CLIENTS = int(os.environ.get("MT_CHAOS_CLIENTS", "8"))  # 0: find the knee

REPORT = pytest.StashKey[Report]()


def pytest_configure():
    """Take SIGTERM for Ctrl-C, so that a run that is cut off stops its system."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter, config):
    report = config.stash.get(REPORT, None)
    if report is not None:
        terminalreporter.section("chaos")
        terminalreporter.write_line(str(report))


@pytest.fixture(scope="session")
def stack():
    with Stack(scale=f"todo={len(TODOS)}") as running:
        yield running
        assert running.stop(signal.SIGINT) == 0
        assert running.orphans == []


@pytest.fixture(scope="session")
def report(stack, pytestconfig):
    """What came of the run; the system stands as it was left."""
    report = pytestconfig.stash[REPORT] = Report(SEED)
    stack.wait_up(*TODOS)
    with closing(Load(stack.gateway_url, SEED)) as load:
        _run(report, stack, load)
    report.read_log(stack)
    return report


def _run(report, stack, load):
    report.clients, report.calm = (CLIENTS, [load.stretch(CLIENTS)]) if CLIENTS else load.find_knee()
    killer = Killer(stack, TODOS, rng_of(SEED, "killer"))
    before = gateway_metrics(stack)
    report.began = time.monotonic()
    load.start(report.clients, settle=True)
    try:
        with killer:
            time.sleep(SECONDS)
    finally:
        ended = time.monotonic()
        load.stop()
    after = gateway_metrics(stack)
    report.metrics = {name: after[name] - before[name] for name in METRICS}
    report.seconds = ended - report.began
    report.samples = [sample for sample in load.samples if report.began <= sample.at < ended]
    report.calm_samples = [sample for sample in load.samples if not report.began <= sample.at < ended]
    report.deeds, report.faults = killer.deeds, killer.faults + load.faults
    report.happened = sum(client.ledger.happened for client in load.clients)
    report.unhappened = sum(client.ledger.unhappened for client in load.clients)
