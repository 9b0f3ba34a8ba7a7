"""`manage.py services`."""

import json

import pytest
from django.core.management import CommandError, call_command

from libs.discovery.protos import registration_to_proto
from tests.registry_svc.parts import GrpcInstance, HttpInstance, RunningRegistry, free_port, registration


def test_it_prints_all_instances_of_the_running_registry(
    registry: RunningRegistry,
    grpc_instance: GrpcInstance,
    http_instance: HttpInstance,
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry.call("Register", registration_to_proto(registration(grpc_port=grpc_instance.port)), "todo")
    admin = registration("admin", "admin-1", http_port=http_instance.port)
    registry.call("Register", registration_to_proto(admin), "admin")
    capsys.readouterr()
    call_command("services", registry=registry.address)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["TYPE", "INSTANCE", "STATE", "ADDRESS", "GRPC", "AGE"]
    shown = [line.split()[:3] for line in lines[1:]]
    assert [line for line in shown if line[1] != "-"] == [
        ["admin", "admin-1", "up"],
        ["registry", "registry-1", "up"],
        ["todo", "todo-1", "up"],
    ]
    assert ["logger", "-", "-"] in shown, "a type without instances is shown, too"


def test_it_prints_json(registry: RunningRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    call_command("services", registry=registry.address, json=True)
    assert [each["id"] for each in json.loads(capsys.readouterr().out)] == ["registry-1"]


def test_it_says_in_one_line_that_the_registry_is_away() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(CommandError, match=f"the Registry at {address} does not answer"):
        call_command("services", registry=address)
