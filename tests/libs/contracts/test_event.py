import re

from libs.contracts import auth, registry, todo  # noqa: F401  (declares the events)
from libs.contracts.auth import UserRegistered
from libs.contracts.event import event_types
from libs.contracts.registry import InstanceUp


def test_an_event_knows_its_source_aggregate_and_data():
    event = UserRegistered(user_id="u1", email="a@example.org", display_name="A")

    assert (event.source, event.aggregate_id) == ("auth", "u1")
    assert event.data() == {"user_id": "u1", "email": "a@example.org", "display_name": "A", "changes": {}}


def test_a_field_may_have_another_name_in_the_data():
    event = InstanceUp(service="todo", instance="todo-1", incarnation="i1", reason="registered")

    assert event.data() == {"type": "todo", "instance": "todo-1", "incarnation": "i1", "reason": "registered"}
    assert (event.type, event.aggregate_id) == ("registry.instance.up", "todo-1")


def test_types_are_unique_past_facts_of_their_publisher():
    types = [cls.type for cls in event_types()]

    assert len(set(types)) == len(types)
    past = r"(auth|todo)\.[a-z]+\.[a-z]+ed|registry\.instance\.(up|draining|down)"
    assert all(re.fullmatch(past, name) for name in types)


def test_each_aggregate_is_a_field():
    for cls in event_types():
        assert cls.aggregate in cls.__dataclass_fields__
