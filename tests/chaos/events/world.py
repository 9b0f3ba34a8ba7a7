"""The system of a run: databases, broker and processes, each of which is started again when it dies."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from libs.devstack.plan import ROOT
from libs.testing.keys import write_keys
from tests.chaos.events.brokers import RabbitMQ, Valkey
from tests.chaos.events.plan import EVENTS, GROUPS, NAMES, PUBLISHERS
from tests.chaos.events.stores import POSTGRES, stores
from tests.system.stack import eventually

SETTINGS = {"events": "events_svc.config.settings", "todo": "todo_svc.config.settings"}
QUEUES = ("events", "events.acks", *(f"{group}.events" for group in GROUPS))
CLIENTS = 8
STARTED_WITHIN = 60.0
LOOK_EVERY = 0.2


class World:
    """Use as a context manager; `rate` is how many changes a second all clients make together."""

    def __init__(self, rate):
        self.home = Path(tempfile.mkdtemp(prefix="mtc-"))
        self.rate = rate
        for folder in ("log", "ports", "journals"):
            (self.home / folder).mkdir()
        write_keys(self.home / "keys")
        self.stores = stores(self.home)
        self.broker = RabbitMQ(self.home) if POSTGRES else Valkey(self.home)
        self.processes = {}
        self.away = set()  # who is not started again
        self.deaths = 0
        self._sessions = []
        self._over = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor")

    def __enter__(self):
        try:
            self.broker.start()
            self._prepare()
            for name in (*EVENTS, *(each for group in GROUPS.values() for each in group)):
                self.start(name)
            self._supervisor.start()
            eventually(self._subscribed, within=STARTED_WITHIN, what="all subscriptions")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        """End all that was ever started here."""
        self._over.set()
        if self._supervisor.ident is not None:
            self._supervisor.join()
        for pid in self._sessions:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        for process in self.processes.values():
            process.wait(10)
            process.stdin.close()
        self.broker.stop()
        self.stores.drop()

    def publish(self):
        """Let the clients begin."""
        for name in PUBLISHERS:
            self.start(name)

    # -- processes ---------------------------------------------------------------------------------------------

    def start(self, name):
        command = [sys.executable, "-m", "tests.chaos.events", *self._arguments(name)]
        with (self.home / "log" / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment(service_of(name), name),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._sessions.append(self.processes[name].pid)

    def signal(self, name, number, *, alone=False):
        """Send a signal to a process and its children, or to it `alone`."""
        pid = self.processes[name].pid
        with suppress(ProcessLookupError):  # it has just ended by itself
            (os.kill if alone else os.killpg)(pid, number)

    def _arguments(self, name):
        if name in PUBLISHERS:
            share = CLIENTS // len(PUBLISHERS)
            first = PUBLISHERS.index(name) * share
            clients = [f"client-{number}" for number in range(first, first + share)]
            return ["publisher", str(self.rate / CLIENTS), *clients]
        return ["events"] if name in EVENTS else ["subscriber"]

    def _supervise(self):
        while not self._over.wait(LOOK_EVERY):
            for name, process in list(self.processes.items()):
                if name not in self.away and process.poll() is not None:
                    self.deaths += 1
                    process.stdin.close()
                    self.start(name)

    # -- databases ---------------------------------------------------------------------------------------------

    def environment(self, service, instance=""):
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MT_", "DJANGO_"))},
            "DJANGO_SETTINGS_MODULE": SETTINGS.get(service, "tests.chaos.events.settings"),
            "CHAOS_SERVICE": service,
            "MT_INSTANCE": instance,
            "MT_HOME": str(self.home),
            "MT_SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests-only-for-tests",
            "MT_DATABASE_URL": self.stores.url(service),
            "MT_BROKER_URL": self.broker.url,
            "MT_DELIVERY_LEASE_SECONDS": "5",
            "MT_SUPERVISED": "true",
        }

    def _prepare(self):
        services = [*SETTINGS, *GROUPS]
        self.stores.prepare(services)
        migrate = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "-v", "0"]
        running = [subprocess.Popen(migrate, cwd=ROOT, env=self.environment(service)) for service in services]
        assert [process.wait(120) for process in running] == [0] * len(running)
        self.stores.keep_ledger("todo")

    def count(self, service, table, where="true"):
        return self.stores.rows(service, f"SELECT count(*) FROM {table} WHERE {where}")[0][0]

    def _subscribed(self):
        found = self.stores.rows("events", "SELECT service FROM deliveries_subscription WHERE ended_at IS NULL")
        return {service for (service,) in found} == set(GROUPS)

    @property
    def published(self):
        return self.count("todo", "chaos_published")

    @property
    def unsettled(self):
        """What has not come to rest: rows of the outbox, deliveries that are not acknowledged, events not applied."""
        published = self.published
        return {
            "outbox": self.count("todo", "eventbus_outboxevent"),
            "log": published - self.count("events", "deliveries_event"),
            "deliveries": self.count("events", "deliveries_delivery", "status != 'acked'"),
            **{group: published - self.count(group, "effects_effect") for group in GROUPS},
        }

    def enough(self):
        """Tell the clients to stop; give the number of events when all that was begun is committed or gone."""
        (self.home / "enough").touch()
        before = -1
        while (now := self.published) != before:
            before = now
            time.sleep(1.0)
        return now

    def settle(self, within):
        """Wait until all is at rest, at most so long; give what is not. More than all is the checker's business."""
        give_up = time.monotonic() + within
        while (left := {name: count for name, count in self.unsettled.items() if count > 0}) and (
            time.monotonic() < give_up
        ):
            time.sleep(0.5)
        return left


def service_of(name):
    """Give the service that a process belongs to."""
    return name.partition("-")[0]


assert set(map(service_of, NAMES)) == {*SETTINGS, *GROUPS}
