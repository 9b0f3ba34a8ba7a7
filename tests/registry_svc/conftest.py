"""A running Registry, instances that answer health checks, and clients that know both."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.registry_svc.parts import Clients, GrpcInstance, HttpInstance, LoopThread, RunningRegistry


@pytest.fixture(scope="session")
def loop_thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.stop()


@pytest.fixture
def lease_ttl() -> float:
    """Beats every 0.3 s; modules whose instances do not beat give them longer."""
    return 0.9


@pytest.fixture
def registry(
    loop_thread: LoopThread, transactional_db: None, settings: Any, lease_ttl: float
) -> Iterator[RunningRegistry]:
    settings.LEASE_TTL = lease_ttl
    settings.SLOW_START_SECONDS = 0.0
    running = RunningRegistry(loop_thread).start()
    yield running
    running.stop()


@pytest.fixture
def clients(registry: RunningRegistry) -> Iterator[Clients]:
    clients = Clients(registry)
    yield clients
    clients.close()


@pytest.fixture
def grpc_instance() -> Iterator[GrpcInstance]:
    instance = GrpcInstance()
    yield instance
    instance.stop()


@pytest.fixture
def http_instance() -> Iterator[HttpInstance]:
    instance = HttpInstance()
    yield instance
    instance.stop()
