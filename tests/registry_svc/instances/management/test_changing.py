"""`manage.py drain`, `maintenance` and `resume`."""

import pytest
from django.core.management import CommandError, call_command

from registry_svc.instances.models import Transition
from tests.registry_svc.instances.management.conftest import Printed
from tests.registry_svc.parts import GrpcInstance, RunningRegistry, wait_until


@pytest.mark.parametrize(
    ("command", "state", "shown"),
    [("drain", "draining", "draining"), ("maintenance", "maintenance", "in maintenance")],
)
def test_an_instance_is_taken_out_and_comes_back(
    todo: RunningRegistry, printed: Printed, command: str, state: str, shown: str
) -> None:
    assert printed(command, "todo", "todo-1", "--reason=new disk") == [f"todo/todo-1 is {shown}"]
    assert todo.states("todo") == {"todo-1": state}
    assert printed("resume", "todo", "todo-1") == ["todo/todo-1 is up"]
    assert todo.states("todo") == {"todo-1": "up"}
    changes = Transition.objects.filter(type="todo", before="up", after=state, reason="registry: new disk")
    wait_until(changes.exists)


def test_what_is_down_takes_the_state_when_it_is_back(
    todo: RunningRegistry, grpc_instance: GrpcInstance, printed: Printed
) -> None:
    grpc_instance.serving(False)
    wait_until(lambda: todo.states("todo") == {"todo-1": "down"})
    expected = ["todo/todo-1 is down, and draining when it is back"]
    assert printed("drain", "todo", "todo-1") == expected
    grpc_instance.serving(True)
    wait_until(lambda: todo.states("todo") == {"todo-1": "draining"})


@pytest.mark.parametrize(
    ("kind", "instance", "text"),
    [
        ("nothing", "todo-1", r"^There is no service type nothing\.$"),
        ("todo", "todo-9", r"^There is no instance todo-9 of todo\.$"),
    ],
)
def test_who_is_unknown_is_one_line(todo: RunningRegistry, kind: str, instance: str, text: str) -> None:
    for command in ("drain", "maintenance", "resume"):
        with pytest.raises(CommandError, match=text):
            call_command(command, kind, instance)
