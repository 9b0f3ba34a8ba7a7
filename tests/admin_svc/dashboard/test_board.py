"""The overview as data."""

from dataclasses import replace

import pytest

from admin_svc.dashboard.board import board, instance_shown
from admin_svc.dashboard.instances import Check, Load
from admin_svc.dashboard.sources.recording import RecordingSource
from libs.contracts.errors import Unavailable
from libs.contracts.names import SERVICES
from tests.admin_svc.scenes import a_record, an_instance, play


def test_all_seven_services_are_shown_even_without_instances(platform: RecordingSource) -> None:
    play(platform, an_instance("todo"))
    shown = board()
    assert [row.name for row in shown.services] == list(SERVICES)
    assert shown.healthy == 1
    assert shown.tone == "bad"


def test_a_service_of_somebody_else_comes_after_ours(platform: RecordingSource) -> None:
    play(platform, an_instance("todo"))
    platform.found.append(replace(an_instance("todo"), service="billing", id="billing-1"))
    assert board().services[-1].name == "billing"


def test_a_service_is_good_when_all_its_instances_are_and_warns_when_only_some(platform: RecordingSource) -> None:
    play(platform, an_instance("todo"), an_instance("todo", 2, state="down"), an_instance("auth"))
    tones = {row.name: row.tone for row in board().services}
    assert (tones["auth"], tones["todo"], tones["gateway"]) == ("good", "warn", "bad")


def test_the_snapshot_decides_the_state_and_the_observation_adds_load(platform: RecordingSource) -> None:
    play(platform, an_instance("todo", load=Load(5, 0.5, 1), check=Check("passing", latency_ms=2.0)))
    platform.found = [an_instance("todo", state="draining", check=None)]
    shown = instance_shown("todo", "todo-1")
    assert shown is not None
    assert (shown.state, shown.load, shown.check and shown.check.latency_ms) == ("draining", Load(5, 0.5, 1), 2.0)


def test_without_a_pushed_snapshot_the_observation_is_shown(platform: RecordingSource) -> None:
    play(platform, an_instance("todo"))
    platform.found = []
    assert instance_shown("todo", "todo-1") is not None


def test_errors_are_added_up_for_the_service(platform: RecordingSource) -> None:
    play(platform, an_instance("todo"), an_instance("todo", 2))
    platform.answer("GET", "logger", "/v1/logs", {"items": [a_record(), a_record(instance="todo-2")]})
    row = next(row for row in board().services if row.name == "todo")
    assert (row.errors, [one.errors for one in row.instances]) == (2, [1, 1])


def test_an_unreachable_registry_is_a_notice(platform: RecordingSource) -> None:
    platform.answer("GET", "registry", "/v1/services", Unavailable("no registry answers"))
    shown = board()
    assert "can't be reached" in shown.notices[0]
    assert shown.tone == "warn"


def test_a_type_that_is_degraded_without_a_guard_known_here_is_a_general_notice(platform: RecordingSource) -> None:
    play(platform, guards={"todo": [], "auth": ["a guard of tomorrow"]})
    assert board().notices == (
        "The Registry is degraded for auth, todo: it keeps instances whose leases it can't judge yet.",
    )


@pytest.mark.parametrize(
    ("guard", "notice"),
    [
        ("warm_up", "The Registry has just started: for one lease nobody is evicted (auth, todo)."),
        ("stall", "The Registry stood still: for one lease nobody is evicted for silence (auth, todo)."),
        ("mass_loss", "Many instances of auth, todo fell silent at once: the Registry evicts only some at a time."),
        (
            "unsynced",
            "The Registry can't read its shared database: what other registries know is missing (auth, todo).",
        ),
    ],
)
def test_each_guard_says_its_cause_and_its_services(platform: RecordingSource, guard: str, notice: str) -> None:
    play(platform, guards={"todo": [guard], "auth": [guard]})
    assert board().notices == (notice,)


def test_a_guard_of_all_services_lists_none(platform: RecordingSource) -> None:
    play(platform, guards=dict.fromkeys(SERVICES, ("warm_up",)) | {"todo": ("warm_up", "mass_loss")})
    assert board().notices == (
        "The Registry has just started: for one lease nobody is evicted (all services).",
        "Many instances of todo fell silent at once: the Registry evicts only some at a time.",
    )


def test_a_guarded_service_warns_and_has_the_guards_tags(platform: RecordingSource) -> None:
    play(platform, guards={"todo": ["mass_loss", "stall"], "auth": []})
    rows = {row.name: row for row in board().services}
    tags = {name: [guard.tag for guard in row.guards] for name, row in rows.items()}
    assert (tags["todo"], tags["auth"], tags["events"]) == (["stood still", "mass loss"], ["degraded"], [])
    assert (rows["todo"].tone, rows["auth"].tone, rows["events"].tone) == ("warn", "warn", "good")


def test_an_unknown_instance_is_not_shown() -> None:
    assert instance_shown("todo", "todo-99") is None
