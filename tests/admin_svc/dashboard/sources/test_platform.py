"""The platform's own words, translated."""

from admin_svc.dashboard.instances import Check
from admin_svc.dashboard.sources.platform import shown
from libs.discovery import Instance, LastCheck
from tests.admin_svc.scenes import NOW


def test_an_instance_of_the_directory_is_shown_with_all_it_tells() -> None:
    told = Instance(
        type="todo",
        id="todo-1",
        incarnation="life",
        state="draining",
        address="http://127.0.0.1:9",
        version="0.1.0",
        routes=("/v1/lists",),
        load_in_flight=3,
        registered_at=NOW,
        last_check=LastCheck(NOW, "warning", 2.5, "slow"),
    )
    seen = shown(told)
    assert (seen.service, seen.id, seen.state, seen.in_flight) == ("todo", "todo-1", "draining", 3)
    assert seen.check == Check("warning", NOW, 2.5, "slow")
    assert (seen.routes, seen.registered_at, seen.version) == (("/v1/lists",), NOW, "0.1.0")


def test_an_instance_that_nobody_checked_has_no_check() -> None:
    assert shown(Instance(type="todo", id="todo-1")).check is None
