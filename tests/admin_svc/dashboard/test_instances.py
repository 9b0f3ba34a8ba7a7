"""How an instance is read and judged."""

import pytest

from admin_svc.dashboard.instances import Check, Instance, Load, instance_of, moment
from tests.admin_svc.scenes import NOW, an_instance, as_json


def test_an_instance_is_read_from_the_registrys_json() -> None:
    read = instance_of(as_json(an_instance("todo", load=Load(4, 0.5, 2), damped=True)))
    assert (read.service, read.id, read.state, read.damped) == ("todo", "todo-1", "up", True)
    assert read.load == Load(in_flight=4, cpu=0.5, queue_depth=2)
    assert read.check == Check("passing", NOW, 1.4)
    assert read.routes == ("/v1/lists", "/v1/tasks", "/v1/labels")


def test_missing_fields_are_no_error() -> None:
    assert instance_of({"id": "x-1"}) == Instance(service="", id="x-1", state="")


@pytest.mark.parametrize("load", [None, {}, {"in_flight": None}])
def test_a_load_that_is_not_told_is_unknown_not_zero(load: object) -> None:
    assert instance_of({"id": "x-1", "load": load}).load == Load(in_flight=0, cpu=None, queue_depth=None)


@pytest.mark.parametrize(
    ("state", "check", "tone", "healthy"),
    [
        ("up", "passing", "good", True),
        ("up", "warning", "warn", True),
        ("up", "critical", "bad", False),
        ("down", "passing", "bad", False),
        ("draining", "passing", "warn", False),
        ("starting", "passing", "warn", False),
    ],
)
def test_state_and_last_check_make_the_colour(state: str, check: str, tone: str, healthy: bool) -> None:
    judged = an_instance(state=state, check=Check(check))
    assert (judged.tone, judged.healthy) == (tone, healthy)


def test_an_unchecked_instance_that_is_up_is_healthy() -> None:
    assert an_instance(check=None).healthy


def test_load_and_check_are_taken_from_a_newer_observation_of_the_same_life() -> None:
    seen = an_instance(check=None)
    newer = an_instance(load=Load(7, 1.5, 3), check=Check("warning"))
    assert (seen.updated(newer).load, seen.updated(newer).check) == (Load(7, 1.5, 3), Check("warning"))


def test_state_and_damping_stay_as_they_were_pushed() -> None:
    held = an_instance(state="down", damped=True).updated(an_instance(state="up"))
    assert (held.state, held.damped) == ("down", True)


def test_an_observation_of_an_earlier_life_is_ignored() -> None:
    seen = an_instance(check=None)
    assert seen.updated(an_instance(load=Load(7), incarnation="earlier")) is seen
    assert seen.updated(None) is seen


@pytest.mark.parametrize("text", [None, 7, "yesterday", "2026-13-45T00:00:00Z"])
def test_what_is_no_time_is_none(text: object) -> None:
    assert moment(text) is None
