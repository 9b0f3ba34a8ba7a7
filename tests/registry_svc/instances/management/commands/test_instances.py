"""`manage.py instances`."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from libs.discovery import Instance, LastCheck, Load
from registry_svc.instances.management.commands.instances import COLUMNS, row
from tests.registry_svc.instances.management.conftest import Printed
from tests.registry_svc.parts import GrpcInstance, RunningRegistry

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_it_prints_all_instances_of_the_running_registry(
    todo: RunningRegistry, grpc_instance: GrpcInstance, printed: Printed
) -> None:
    lines = [line.split() for line in printed("instances")]
    assert lines[0] == list(COLUMNS)
    assert [line[:3] for line in lines[1:]] == [["registry", "registry-1", "up"], ["todo", "todo-1", "up"]]
    shown = lines[2]
    assert shown[3:8] == ["-", f"127.0.0.1:{grpc_instance.port}", "50", "north", "1.2"]
    assert re.fullmatch(r"\d+/\d+\.\d\d/\d+", shown[8])
    assert shown[9] == "passing"
    assert shown[-1].endswith("s")


def test_a_type_and_states_narrow(todo: RunningRegistry, printed: Printed) -> None:
    assert len(printed("instances", "todo")) == 2
    assert len(printed("instances", "--state=up,draining")) == 3
    assert len(printed("instances", "todo", "--state=down,starting")) == 1
    with pytest.raises(CommandError, match="--state: 'well' is none of starting, up, draining, maintenance, down"):
        call_command("instances", "--state=up,well")


def test_a_damped_instance_is_marked_and_its_load_and_check_are_shown() -> None:
    instance = Instance(
        "todo",
        "todo-1",
        state="down",
        damped=True,
        load=Load(in_flight=3, cpu=0.517, queue_depth=2),
        registered_at=NOW - timedelta(seconds=90),
        last_check=LastCheck(NOW, "warning", 1.234),
    )
    shown = dict(zip(COLUMNS, row(instance, NOW), strict=True))
    assert shown["STATE"] == "down (damped)"
    assert (shown["LOAD"], shown["CHECK"], shown["AGE"]) == ("3/0.52/2", "warning 1.2 ms", "1m30s")


def test_it_prints_json(todo: RunningRegistry, printed: Printed) -> None:
    found = json.loads("\n".join(printed("instances", "todo", "--json")))
    assert [(each["id"], each["weight"], each["damped"]) for each in found] == [("todo-1", 50, False)]
