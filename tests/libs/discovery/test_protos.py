"""Messages and documents: nothing is lost on the way."""

from datetime import UTC, datetime

from libs.discovery import HealthSpec, Instance, LastCheck, Load, Registration
from libs.discovery.documents import (
    EXTERNAL_FIELDS,
    external_instance_to_json,
    instance_from_json,
    instance_to_json,
    registration_from_json,
    registration_to_json,
)
from libs.discovery.protos import (
    duration,
    instance_from_proto,
    instance_to_proto,
    number,
    registration_from_proto,
    registration_to_proto,
    seconds,
    word,
)
from libs.rpc import registry_pb2 as pb

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
FULL = Instance(
    type="todo",
    id="todo-1",
    incarnation="0199",
    state="draining",
    visibility="public",
    host="h",
    http_port=1,
    grpc_port=2,
    address="http://h:1",
    grpc_address="h:2",
    routes=("/v1/lists",),
    weight=0,
    zone="z",
    version="1.2",
    metadata={"k": "v"},
    load=Load(3, 0.25, 2),
    registered_at=NOW,
    lease_expires_at=NOW,
    last_check=LastCheck(NOW, "warning", 1.5, "slow"),
    damped=True,
)
MINE = Registration(
    "todo",
    "todo-1",
    "0199",
    "h",
    http_port=1,
    grpc_port=2,
    address="https://x",
    routes=("/v1/lists", "/v1/tasks"),
    weight=0,
    zone="z",
    version="1",
    metadata={"k": "v"},
    health=HealthSpec("tcp", "/up", 2.5, 0.25, 5, 4),
    ready=False,
)


def test_instances_survive_both_wires() -> None:
    for instance in (FULL, Instance("todo", "todo-1")):
        assert instance_from_proto(instance_to_proto(instance)) == instance
        assert instance_from_json(instance_to_json(instance)) == instance


def test_registrations_survive_both_wires() -> None:
    for mine in (MINE, Registration("todo", "todo-1", "0199", "h")):
        assert registration_from_proto(registration_to_proto(mine)) == mine
        assert registration_from_json("todo", registration_to_json(mine)) == mine


def test_what_a_registration_leaves_out_has_a_default() -> None:
    mine = registration_from_proto(pb.RegisterRequest(type="todo", id="todo-1"))
    assert (mine.weight, mine.ready, mine.health) == (100, True, HealthSpec())
    assert registration_from_proto(pb.RegisterRequest(weight=0, ready=False)).weight == 0


def test_strangers_get_few_fields() -> None:
    document = external_instance_to_json(FULL)
    assert set(document) == set(EXTERNAL_FIELDS)
    assert document["last_check"] == {"at": "2026-01-02T03:04:05.678000Z", "status": "warning"}
    assert instance_from_json(document).routes == FULL.routes


def test_words_and_numbers() -> None:
    assert number(pb.State, "up") == pb.STATE_UP
    assert word(pb.Strategy, pb.STRATEGY_LEAST_LOAD) == "least_load"
    assert (word(pb.State, 0), word(pb.State, 99), number(pb.State, "")) == ("", "", 0)


def test_durations() -> None:
    for value in (0.0, 0.3, 1.0, 2.25):
        assert seconds(duration(value)) == value
