"""Health probes of all three kinds against real servers."""

import pytest

from libs.discovery import HealthSpec, Registration
from libs.testing.ports import free_port
from registry_svc.instances.probes import Prober, Result
from tests.registry_svc.parts import GrpcInstance, HttpInstance, registration


def target(kind: str, port: int, timeout: float = 1.0) -> Registration:
    ports = {"grpc_port": port} if kind == "grpc" else {"http_port": port}
    return registration(health=HealthSpec(kind=kind, timeout=timeout), **ports)  # type: ignore[arg-type]


async def probe(mine: Registration) -> Result:
    prober = Prober()
    try:
        return await prober.probe(mine)
    finally:
        await prober.close()


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "passing"), (204, "passing"), (302, "critical"), (429, "warning"), (503, "critical")]
)
async def test_http_counts_by_its_status(http_instance: HttpInstance, status: int, expected: str) -> None:
    http_instance.status = status
    result = await probe(target("http", http_instance.port))
    assert (result.check.status, result.check.detail, result.failure) == (expected, f"HTTP {status}", "")
    assert result.check.latency_ms > 0


async def test_grpc_asks_the_health_service(grpc_instance: GrpcInstance) -> None:
    assert (await probe(target("grpc", grpc_instance.port))).check.status == "passing"
    grpc_instance.serving(False)
    result = await probe(target("grpc", grpc_instance.port))
    assert (result.check.status, result.check.detail, result.failure) == ("critical", "not_serving", "")


async def test_tcp_asks_for_a_connection_only(http_instance: HttpInstance) -> None:
    http_instance.status = 500
    result = await probe(target("tcp", http_instance.port))
    assert (result.check.status, result.failure) == ("passing", "")


@pytest.mark.parametrize("kind", ["grpc", "http", "tcp"])
async def test_nobody_there_is_unreachable(kind: str) -> None:
    result = await probe(target(kind, free_port()))
    assert (result.check.status, result.failure) == ("critical", "unreachable")
    assert result.check.detail


async def test_no_answer_in_time_is_a_timeout(http_instance: HttpInstance) -> None:
    http_instance.release.clear()
    result = await probe(target("http", http_instance.port, timeout=0.1))
    assert (result.check.status, result.failure) == ("critical", "timeout")


async def test_the_kind_follows_from_the_ports_where_none_is_named(grpc_instance: GrpcInstance) -> None:
    result = await probe(registration(grpc_port=grpc_instance.port, http_port=free_port()))
    assert (result.check.status, result.check.detail) == ("passing", "serving")


async def test_a_connection_that_answered_is_kept_and_one_that_failed_is_not(grpc_instance: GrpcInstance) -> None:
    prober = Prober()
    mine = target("grpc", grpc_instance.port)
    await prober.probe(mine)
    kept = dict(prober._channels)
    await prober.probe(mine)
    assert prober._channels == kept
    grpc_instance.stop()
    assert (await prober.probe(mine)).failure == "unreachable"
    assert prober._channels == {}
    await prober.close()


async def test_who_is_in_doubt_has_less_time_to_answer(http_instance: HttpInstance) -> None:
    http_instance.release.clear()
    prober = Prober()
    result = await prober.probe(target("http", http_instance.port, timeout=30.0), within=0.1)
    assert (result.failure, result.check.latency_ms < 5000) == ("timeout", True)
    http_instance.release.set()
    await prober.close()
