"""The schemas of the events, and the promise that a published version only grows.

`python -m tests.libs.contracts.test_schemas` writes `schemas.json` anew, for new events, versions and fields.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from libs.contracts.auth import UserRegistered
from libs.contracts.event import Event
from libs.contracts.registry import InstanceUp
from libs.contracts.schemas import declared, schema_of
from libs.contracts.todo import InvitationCreated

PROMISED = Path(__file__).with_name("schemas.json")


def test_a_schema_names_the_fields_of_the_dataclass_and_their_json_types():
    schema = schema_of(UserRegistered)

    assert schema["title"] == "auth.user.registered version 1"
    assert schema["required"] == ["user_id", "email", "display_name", "changes"]
    assert schema["properties"]["user_id"] == {"type": "string"}
    assert schema["properties"]["changes"] == {
        "type": "object",
        "additionalProperties": {"type": "object", "additionalProperties": {}},
    }


def test_a_field_may_be_one_of_several_types():
    assert schema_of(InvitationCreated)["properties"]["task_id"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}


def test_a_schema_names_a_field_as_the_data_does():
    schema = schema_of(InstanceUp)

    assert schema["required"] == list(schema["properties"]) == ["type", "instance", "incarnation", "reason"]


def test_a_type_that_is_not_json_is_refused():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Odd(Event):
        type: ClassVar[str] = "test.odd.made"
        aggregate: ClassVar[str] = "at"

        at: set[str]

    with pytest.raises(TypeError, match="set"):
        schema_of(Odd)


def test_every_declared_event_is_promised():
    assert sorted(declared()) == sorted(promised())


@pytest.mark.parametrize("title", sorted(declared()))
def test_a_published_version_only_grows(title):
    before, now = promised().get(title, {}).get("properties", {}), declared()[title]["properties"]

    assert {name: now.get(name) for name in before} == before


def promised() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(PROMISED.read_text())
    return read


if __name__ == "__main__":
    PROMISED.write_text(json.dumps(declared(), indent=1) + "\n")
