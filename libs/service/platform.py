"""Ties a process to the platform: discovery, logs, and the refusal to start on an unready database."""

import time
from collections.abc import Callable

import structlog
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

from libs import discovery, telemetry
from libs.rpc.client import BridgeClient
from libs.service.checks import broker_is_named
from libs.service.identity import signer
from libs.service.parts import Parts
from libs.telemetry import metrics

log = structlog.get_logger(__name__)

AGE = metrics.gauge(
    "mt_discovery_age_seconds", "How old this process's knowledge of the instances is; 0 while a Registry would tell."
)

#: How long a start waits for a database that does not answer (seconds).
DATABASE_PATIENCE = 30.0


def begin_logs() -> None:
    """Set up this process's logs; CommandError where the file of MT_LOG_FILE can't be written."""
    try:
        telemetry.configure(settings.SERVICE, settings.INSTANCE, settings.LOG_LEVEL, settings.LOG_FILE)
    except OSError as error:
        raise CommandError(f"MT_LOG_FILE: can't write {settings.LOG_FILE}: {error.strerror}") from None


def refuse_unready() -> None:
    """Stop the start with one line where a check fails or a migration is missing."""
    errors = [message for message in (*checks.run_checks(), *broker_is_named()) if message.level >= checks.ERROR]
    if errors:
        raise CommandError("; ".join(str(error.msg) for error in errors))
    missing = _missing_migrations()
    if missing:
        raise CommandError(f"{missing} migrations are missing: run manage.py migrate first")


def _missing_migrations() -> int:
    give_up = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            executor = MigrationExecutor(connection)
            return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        except OperationalError as error:
            if time.monotonic() > give_up:
                raise CommandError(f"MT_DATABASE_URL: the database does not answer: {error}") from None
            log.warning("the database does not answer yet", error=str(error))
            connection.close()
            time.sleep(1.0)


def connect() -> None:
    """Let ServiceClient and `directory()` work in this process; the Registry installs its own directory instead."""
    if settings.REGISTERS:
        directory = discovery.RegistryDirectory(
            settings.REGISTRY_ADDRESSES,
            signer(),
            settings.REGISTRY_URLS,
            zone=settings.ZONE,
            slow_start=settings.SLOW_START_SECONDS,
        )
        discovery.install(directory, BridgeClient(signer()))
        AGE.set_function(directory.age)


def ship_logs() -> telemetry.Shipper:
    """Send this process's logs to Logger, or to the sink that LOG_SINK names."""
    sink = import_string(settings.LOG_SINK)() if settings.LOG_SINK else _to_logger
    shipper = telemetry.ship(sink, settings.HOME / "spill")
    if settings.REGISTERS:  # what waits on disk goes out as soon as Logger is back
        discovery.directory().on_change(lambda service: shipper.wake() if service == "logger" else None)
    return shipper


def _to_logger(batch: telemetry.Batch) -> None:
    headers = {
        "content-type": "application/x-ndjson",
        "content-encoding": "gzip",
        "x-batch": f"{batch.instance}/{batch.boot}/{batch.sequence}",
    }
    discovery.ServiceClient("logger").post("/v1/logs", content=batch.body, headers=headers).raise_for_status()


def parts_of(setting: str) -> Parts:
    """Make the parts of `serve` or `worker`; a process that can publish events also runs a relay."""
    paths = list(getattr(settings, setting))
    if apps.is_installed("libs.eventbus"):
        paths.insert(0, "libs.eventbus.relay.Relay")
    return Parts.named(paths)


def each_reversed(*steps: Callable[[], object]) -> None:
    """Run clean-up steps in reverse; one that fails is logged and does not keep the rest from running."""
    for step in reversed(steps):
        try:
            step()
        except Exception:
            log.exception("a step of the stop failed", step=getattr(step, "__qualname__", repr(step)))
