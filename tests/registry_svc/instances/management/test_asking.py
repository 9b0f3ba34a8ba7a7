"""How the commands find a Registry that answers, and how they print."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from libs.testing.ports import free_port, free_ports
from registry_svc.instances.management.asking import age
from tests.registry_svc.instances.management.conftest import Printed
from tests.registry_svc.parts import RunningRegistry

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def away() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.mark.parametrize(
    "command", [["services"], ["instances"], ["drain", "todo", "todo-1"], ["resume", "todo", "todo-1"]]
)
def test_a_registry_that_is_away_is_one_line_that_names_all_that_were_asked(command: list[str], settings: Any) -> None:
    first, second = (f"127.0.0.1:{port}" for port in free_ports(2))
    settings.REGISTRY_ADDRESSES = [first, second]
    with pytest.raises(CommandError, match=f"^no registry answers at {first}, {second}: .+") as raised:
        call_command(*command)
    assert "\n" not in str(raised.value)


def test_the_next_registry_of_the_settings_is_asked_and_named(todo: RunningRegistry, settings: Any) -> None:
    out, err = StringIO(), StringIO()
    first = away()
    settings.REGISTRY_ADDRESSES = [first, todo.address]
    call_command("services", stdout=out, stderr=err, no_color=True)
    assert "todo" in out.getvalue()
    assert err.getvalue() == f"the Registry at {first} does not answer; this is what {todo.address} says\n"


def test_the_address_that_is_given_comes_before_those_of_the_settings(
    todo: RunningRegistry, settings: Any, printed: Printed
) -> None:
    settings.REGISTRY_ADDRESSES = [away()]
    err = StringIO()
    assert printed("instances", "todo", registry=todo.address, stderr=err)[1].split()[:2] == ["todo", "todo-1"]
    assert err.getvalue() == ""


def test_a_refusal_is_no_reason_to_ask_another_registry(todo: RunningRegistry, settings: Any) -> None:
    settings.REGISTRY_ADDRESSES = [todo.address, away()]
    with pytest.raises(CommandError, match=r"^There is no service type nothing\.$"):
        call_command("instances", "nothing")


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(seconds=-3), "0s"),
        (timedelta(seconds=59.9), "59s"),
        (timedelta(seconds=62), "1m02s"),
        (timedelta(hours=3, minutes=20), "3h20m"),
        (timedelta(days=12, hours=1, minutes=59), "12d01h"),
    ],
)
def test_an_age_has_two_units(ago: timedelta, shown: str) -> None:
    assert age(NOW - ago, NOW) == shown


def test_an_unknown_age_is_empty() -> None:
    assert age(None, NOW) == ""
