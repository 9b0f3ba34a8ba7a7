import dataclasses

import pytest
import structlog

from gateway_svc.routing.policies import Policies, Policy, parse_overrides
from libs.discovery import Instance
from libs.service.traffic import Rate, Traffic
from tests.gateway_svc.services import StaticDirectory

DEFAULTS = Policy(timeout=15.0, max_body=1024, max_in_flight=256)


def todo(incarnation: str = "1", name: str = "todo-1", **declared: str) -> Instance:
    metadata = {f"traffic.{key}": value for key, value in declared.items()}
    return Instance("todo", name, incarnation, metadata=metadata)


@pytest.fixture
def overrides() -> dict[str, Traffic]:
    return {}


@pytest.fixture
def policies(directory: StaticDirectory, overrides: dict[str, Traffic]) -> Policies:
    return Policies(directory, DEFAULTS, overrides)


def test_a_service_that_declares_nothing_gets_the_defaults(policies: Policies, directory: StaticDirectory) -> None:
    directory.update("todo", [todo()])

    assert policies.of("todo") == policies.of("nobody") == DEFAULTS


def test_a_service_gets_what_it_declares(policies: Policies, directory: StaticDirectory) -> None:
    directory.update("todo", [todo(timeout="2.5", max_body="99", max_in_flight="7", rate="600/minute")])

    assert policies.of("todo") == Policy(2.5, 99, 7, Rate(600, 60))
    assert policies.of("auth") == DEFAULTS


def test_the_newest_of_several_instances_counts(policies: Policies, directory: StaticDirectory) -> None:
    old, new = todo("019a", timeout="1"), todo("019b", "todo-2", timeout="2")
    for order in ([old, new], [new, old]):
        directory.update("todo", order)
        assert policies.of("todo").timeout == 2.0


def test_a_newer_instance_may_declare_less(policies: Policies, directory: StaticDirectory) -> None:
    directory.update("todo", [todo("1", timeout="1", max_body="5")])
    directory.update("todo", [todo("2", max_body="5")])

    assert policies.of("todo") == dataclasses.replace(DEFAULTS, max_body=5)


def test_the_last_known_is_remembered_when_nobody_is_left(policies: Policies, directory: StaticDirectory) -> None:
    directory.update("todo", [todo(timeout="1")])
    directory.update("todo", [])

    assert policies.of("todo").timeout == 1.0


def test_what_is_malformed_is_passed_over_with_one_line(policies: Policies, directory: StaticDirectory) -> None:
    wrong = todo("1", timeout="soon", max_body="-1", rate="5/second")
    with structlog.testing.capture_logs() as lines:
        directory.update("todo", [wrong])
        directory.update("todo", [wrong, todo("0", "todo-2")])

    assert policies.of("todo") == dataclasses.replace(DEFAULTS, rate=Rate(5, 1))
    warnings = [line for line in lines if line["log_level"] == "warning"]
    assert [line["service_type"] for line in warnings] == ["todo"]
    assert [text.partition(":")[0] for text in warnings[0]["wrong"]] == ["timeout", "max_body"]


def test_a_policy_stays_the_same_object_while_nothing_changes(policies: Policies, directory: StaticDirectory) -> None:
    directory.update("todo", [todo("1", timeout="1")])
    before = policies.of("todo")
    directory.update("todo", [todo("2", "todo-2", timeout="1")])

    assert policies.of("todo") is before


def test_loads_what_the_directory_knew_before(directory: StaticDirectory) -> None:
    directory.update("todo", [todo(timeout="1")])
    policies = Policies(directory, DEFAULTS, {})
    assert policies.of("todo") == DEFAULTS
    policies.load()

    assert policies.of("todo").timeout == 1.0


class TestOverruled:
    @pytest.fixture
    def overrides(self) -> dict[str, Traffic]:
        return parse_overrides('{"todo": {"timeout": 5, "rate": "off"}}')

    def test_what_the_operator_says_counts_more(self, policies: Policies, directory: StaticDirectory) -> None:
        directory.update("todo", [todo(timeout="60", rate="5/second", max_body="7")])

        assert policies.of("todo") == Policy(5.0, 7, 256, None)

    def test_before_any_instance_is_known_too(self, policies: Policies) -> None:
        assert policies.of("todo") == dataclasses.replace(DEFAULTS, timeout=5.0)


@pytest.mark.parametrize("text", ["", "{}"])
def test_no_overrides_are_none(text: str) -> None:
    assert parse_overrides(text) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it is no JSON"),
        ("5", "write an object of services"),
        ("null", "write an object of services"),
        ('{"todo": null}', "todo: None is wrong: write an object with timeout"),
        ('{"todo": {"timeout": null}}', "todo: timeout: None is wrong: write a number"),
    ],
)
def test_malformed_overrides_are_a_value_error(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_overrides(text)
