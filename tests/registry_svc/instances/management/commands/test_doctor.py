"""`manage.py doctor`."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from libs.testing.ports import free_port
from registry_svc.instances.doctor import Finding
from registry_svc.instances.management.commands.doctor import counted
from registry_svc.instances.management.probing import read_grpc
from tests.registry_svc.instances.management.conftest import Printed
from tests.registry_svc.parts import GrpcInstance, RunningRegistry, wait_until


@pytest.fixture
def healthy(todo: RunningRegistry, settings: Any) -> RunningRegistry:
    """A Registry with which all is well: its lease is as in production, and its keys are closed."""
    settings.LEASE_TTL = 3.0
    settings.KEYS_DIR.chmod(0o700)
    wait_until(lambda: not any(each.degraded for each in read_grpc(todo.address).types))
    return todo


def test_where_all_is_well_it_says_so_and_how_much_it_looked_at(healthy: RunningRegistry, printed: Printed) -> None:
    (line,) = printed("doctor")
    kinds = len(healthy.node.catalog.bundle.services)
    looked = f"registry addresses 2, types {kinds}, instances 2, instance addresses 3, clocks 1"
    assert line == f"all is well (looked at: {looked})"


def test_an_error_is_shown_with_its_remedy_and_ends_with_1(
    healthy: RunningRegistry, grpc_instance: GrpcInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    grpc_instance.stop()
    capsys.readouterr()
    with pytest.raises(CommandError, match=r"^1 error$") as raised:
        call_command("doctor")
    assert raised.value.returncode == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["LEVEL", "CODE", "WHERE", "WHAT"]
    assert lines[1].split()[:3] == ["error", "unreachable", "todo/todo-1"]
    assert lines[2].startswith("  → look at its log")
    assert lines[-1].startswith("1 error (looked at: ")


def test_a_warning_ends_with_0(healthy: RunningRegistry, settings: Any, printed: Printed) -> None:
    settings.EVICT_PERCENT = 100
    lines = printed("doctor")
    assert lines[1].split()[:3] == ["warning", "weak_setting", "MT_EVICT_PERCENT"]
    assert lines[-1].startswith("1 warning (looked at: ")


def test_a_platform_without_a_registry_is_told_as_findings(
    settings: Any, db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    away = f"127.0.0.1:{free_port()}"
    settings.REGISTRY_ADDRESSES, settings.REGISTRY_URLS = [away], [f"http://{away}"]
    settings.KEYS_DIR.chmod(0o700)
    with pytest.raises(CommandError, match=r"^2 errors$"):
        call_command("doctor", "--json")
    report = json.loads(capsys.readouterr().out)
    assert [each["where"] for each in report["findings"] if each["code"] == "registry_away"] == [away, f"http://{away}"]


def test_it_prints_json(healthy: RunningRegistry, settings: Any, printed: Printed) -> None:
    settings.EVICT_PERCENT = 100
    report = json.loads("\n".join(printed("doctor", "--json")))
    (finding,) = report["findings"]
    assert set(finding) == {"level", "code", "where", "what", "remedy"}
    assert report["looked_at"]["instances"] == 2


def test_errors_and_warnings_are_counted() -> None:
    one, other = Finding("error", "", "", "", ""), Finding("warning", "", "", "", "")
    assert counted([one, other, other]) == "1 error, 2 warnings"
