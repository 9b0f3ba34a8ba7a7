"""One run for the suite: its plan follows from the seed, its verdict is what the checker says.

`MT_CHAOS_SECONDS` says for how long, `MT_CHAOS_CHANGES` how many changes at least, and `MT_CHAOS_SEED` repeats the
plan. With `MT_TEST_POSTGRES_URL` the run is on PostgreSQL and a RabbitMQ of its own, without on SQLite and Valkey. The
home of a run that has failed is kept.
"""

import os
import secrets
import shutil
import time
from dataclasses import dataclass, field

import pytest

from tests.chaos.events import evidence
from tests.chaos.events.chaos import Chaos
from tests.chaos.events.checker import Verdict, judge
from tests.chaos.events.plan import plan
from tests.chaos.events.stores import POSTGRES
from tests.chaos.events.world import World

SECONDS = float(os.environ.get("MT_CHAOS_SECONDS", "50"))
CHANGES = int(os.environ.get("MT_CHAOS_CHANGES", "1500"))
SEED = os.environ.get("MT_CHAOS_SEED") or secrets.token_hex(4)
#: What is left to do then waits between attempts, the longer the more of them were in vain.
SETTLED_WITHIN = max(240.0, SECONDS / 2)

#: On Valkey a queue is a list, which can't break.
collect_ignore = [] if POSTGRES else ["test_broken_queue.py"]

REPORT = pytest.StashKey["Report"]()


@dataclass
class Report:
    """What came of a run."""

    deeds: list
    published: int = 0
    deaths: int = 0
    settled: float = 0.0
    unsettled: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)
    verdict: Verdict | None = None
    kept: str = ""

    @property
    def is_clean(self):
        return not (self.unsettled or self.faults) and self.verdict.is_clean

    def __str__(self):
        return "\n".join(
            [
                f"seed {SEED}, {SECONDS:g} s",
                *map(str, self.deeds),
                f"{self.published:,} events, {self.deaths} deaths, at rest {self.settled:.1f} s after the last deed",
                f"not at rest: {self.unsettled or 'nothing'}",
                str(self.verdict),
                *self.faults,
                *([f"kept: {self.kept}"] if self.kept else []),
            ]
        )


def pytest_terminal_summary(terminalreporter, config):
    report = config.stash.get(REPORT, None)
    if report is not None:
        terminalreporter.section("chaos of events")
        terminalreporter.write_line(str(report))


@pytest.fixture(scope="session")
def events_report(pytestconfig):
    """Run; the system is gone afterwards."""
    report = pytestconfig.stash[REPORT] = Report(plan(SEED, SECONDS))
    with World(rate=1.1 * CHANGES / SECONDS) as world:
        _run(report, world)
        report.deaths = world.deaths
        report.verdict = judge(
            evidence.published(world.stores),
            evidence.told(world.home),
            evidence.log(world.stores),
            evidence.effects(world.stores),
        )
    if report.is_clean:
        shutil.rmtree(world.home)
    else:
        report.kept = str(world.home)
    return report


def _run(report, world):
    world.publish()
    chaos = Chaos(world, report.deeds)
    chaos.run()
    began = time.monotonic()
    while world.published < CHANGES and time.monotonic() < began + SETTLED_WITHIN:
        time.sleep(0.5)
    report.published = world.enough()
    report.unsettled = world.settle(SETTLED_WITHIN)
    report.settled = time.monotonic() - began
    report.faults = chaos.faults
