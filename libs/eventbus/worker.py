"""The worker of a service: one Celery worker on its queues, with the parts that run beside it.

Embedded it is one process (pool solo), distributed a parent with one child (prefork), which gives time and memory
limits. Threads and gRPC channels do not survive a fork, so parts start in the process that runs the tasks.
"""

import os
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import structlog
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.signals import worker_init, worker_process_init, worker_process_shutdown, worker_ready
from celery.worker import state
from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from libs.eventbus import conf
from libs.eventbus.acknowledging import ACKNOWLEDGEMENTS
from libs.eventbus.celery import make_app
from libs.eventbus.queues import queue
from libs.eventbus.watchdog import EXIT_CODE, Watchdog

log = structlog.get_logger(__name__)


class Part(Protocol):
    """Something with threads of its own, such as `libs.service.parts.Parts`."""

    def start(self) -> None:
        """Begin to work."""

    def stop(self) -> None:
        """Finish what is begun and end."""


def run(service: str, queues: Sequence[str], *parts: Part) -> None:
    """Run the worker of `service` on `queues` until SIGTERM; SystemExit with a code where it ends otherwise."""
    signal.signal(signal.SIGTERM, _end_early)
    app = make_app(service)
    app.conf.task_queues = [queue(name) for name in queues]
    app.conf.worker_prefetch_multiplier = settings.WORKER_PREFETCH
    beside = Beside([*_subscriber(), *parts])
    watchdog = Watchdog(app, queues)
    worker_init.connect(beside.join)
    worker_ready.connect(lambda **kwargs: watchdog.start(), weak=False)
    if settings.SUPERVISED:
        _end_with_stdin()
    # Celery warns root, because of pickles; here is JSON only.
    warnings.simplefilter("ignore", SecurityWarning)
    worker = app.Worker(
        pool=_pool(),
        concurrency=1,
        hostname=f"{settings.INSTANCE}@{os.getpid()}",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    # And of a setting that `conf` chose, which it makes loud while the worker is made.
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
    close_databases()
    worker.start()
    beside.stop()
    if worker.exitcode:
        sys.exit(worker.exitcode)


def close_databases() -> None:
    """Close what the checks of the start have opened: a child would inherit a pool without the threads that fill it."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        close_pool = getattr(connection, "close_pool", None)  # PostgreSQL only
        if close_pool is not None:
            close_pool()


def _subscriber() -> list[Part]:
    """Give the parts that subscribe and acknowledge, where there are reactions; Events has none, and no inbox."""
    if not settings.REACTIONS:
        return []
    return [ACKNOWLEDGEMENTS, import_string("libs.eventbus.subscriptions.Subscriptions")()]


def _pool() -> str:
    """Choose solo for the embedded mode. On RabbitMQ it was seen to sit on read messages until the next heartbeat."""
    solo = settings.EMBEDDED and conf.broker_kind(settings.BROKER_URL) != "amqp"
    return "solo" if solo else "prefork"


class Beside:
    """The parts that run beside the tasks, started and stopped by Celery's signals."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Hold `parts`; nothing starts yet."""
        self._parts = parts
        self._started: list[Part] = []

    def join(self, **kwargs: Any) -> None:
        """Take part from `worker_init` on: after Celery's own handlers, which close what a child has inherited."""
        worker_process_init.connect(self.start)
        worker_process_shutdown.connect(self.stop)

    def start(self, **kwargs: Any) -> None:
        """Start all, in the process that runs tasks; where one can't, it ends with EXIT_CODE.

        Celery only logs what a signal's receiver raises: the worker would go on without this part and those after it.
        """
        for part in self._parts:
            try:
                part.start()
            except Exception:
                log.exception("a part did not start: the worker ends", part=type(part).__name__)
                sys.exit(EXIT_CODE)
            self._started.append(part)

    def stop(self, **kwargs: Any) -> None:
        """Stop what was started in this process, the last first."""
        while self._started:
            self._started.pop().stop()


def _end_early(number: int, frame: object) -> None:
    """End as if the work were done: Celery sets its own handler only after the parts have started.

    An exception is lost where the signal comes during a callback of a weak reference, of which importing makes many.
    Then the worker ends as soon as it would begin to work.
    """
    state.should_stop = os.EX_OK  # type: ignore[assignment]
    sys.exit(os.EX_OK)


def _end_with_stdin() -> None:
    """Stop warmly when standard input ends: the supervisor that held its other end is gone."""

    def wait() -> None:
        while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="supervisor-watch", daemon=True).start()
