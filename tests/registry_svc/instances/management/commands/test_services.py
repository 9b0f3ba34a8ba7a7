"""`manage.py services`."""

import json

import pytest

from libs.rpc import registry_pb2 as pb
from registry_svc.instances.management.commands.services import document, row
from tests.registry_svc.instances.management.conftest import Printed
from tests.registry_svc.parts import RunningRegistry


def test_it_prints_all_types_of_the_running_registry(todo: RunningRegistry, printed: Printed) -> None:
    lines = [line.split() for line in printed("services")]
    assert lines[0] == ["TYPE", "VISIBILITY", "INSTANCES", "HEALTHY", "GUARDS"]
    by_type = {line[0]: line[1:4] for line in lines[1:]}
    assert by_type["todo"] == ["internal", "1", "1"]
    assert by_type["registry"] == ["public", "1", "1"]
    assert by_type["admin"] == ["admin", "0", "0"], "a type without instances, and one for admins, are shown, too"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (pb.ServiceType(), ""),
        (pb.ServiceType(degraded=True, guards=["warm_up", "mass_loss"]), "warm up, mass loss"),
        (pb.ServiceType(degraded=True, guards=["stall"]), "stall"),
        (pb.ServiceType(degraded=True), "degraded"),
    ],
)
def test_guards_are_words(kind: pb.ServiceType, shown: str) -> None:
    assert row(kind)[-1] == shown


def test_it_prints_json(todo: RunningRegistry, printed: Printed) -> None:
    found = {each["type"]: each for each in json.loads("\n".join(printed("services", "--json")))}
    assert set(found["todo"]) == {"type", "visibility", "instances", "healthy", "degraded", "guards"}
    assert (found["todo"]["visibility"], found["todo"]["instances"]) == ("internal", 1)
    assert document(pb.ServiceType(guards=["stall"]))["guards"] == ["stall"]
