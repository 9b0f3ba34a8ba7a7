"""The platform's own words, translated."""

from admin_svc.dashboard.instances import Check, Load, instance_of
from admin_svc.dashboard.sources.platform import shown
from libs import discovery
from libs.discovery.documents import instance_to_json
from tests.admin_svc.scenes import NOW

TOLD = discovery.Instance(
    type="todo",
    id="todo-1",
    incarnation="life",
    state="down",
    address="http://127.0.0.1:9",
    version="0.1.0",
    routes=("/v1/lists",),
    load=discovery.Load(in_flight=3, cpu=0.5, queue_depth=2),
    registered_at=NOW,
    last_check=discovery.LastCheck(NOW, "warning", 2.5, "slow"),
    damped=True,
)


def test_an_instance_of_the_directory_is_shown_with_all_it_tells() -> None:
    seen = shown(TOLD)
    assert (seen.service, seen.id, seen.state, seen.damped) == ("todo", "todo-1", "down", True)
    assert seen.load == Load(in_flight=3, cpu=0.5, queue_depth=2)
    assert seen.check == Check("warning", NOW, 2.5, "slow")
    assert (seen.routes, seen.registered_at, seen.version) == (("/v1/lists",), NOW, "0.1.0")


def test_the_pushed_instance_and_the_one_asked_for_are_shown_alike() -> None:
    assert shown(TOLD) == instance_of(instance_to_json(TOLD))


def test_an_instance_that_nobody_checked_has_no_check() -> None:
    assert shown(discovery.Instance(type="todo", id="todo-1")).check is None
