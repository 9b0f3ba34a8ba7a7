"""Each finding of the doctor, in made-up pictures of the platform."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.discovery import Instance, LastCheck
from registry_svc.instances import doctor
from registry_svc.instances.doctor import Finding, examine
from registry_svc.instances.picture import Picture, Reading, Setup, TypeSeen

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def instance(service: str = "todo", number: int = 1, **fields: Any) -> Instance:
    """Make an instance that is well, each on ports of its own."""
    port = {"todo": 9000, "auth": 9500}[service] + 10 * number
    defaults = {"host": "127.0.0.1", "http_port": port, "grpc_port": port + 1, "version": "1"}
    return Instance(service, f"{service}-{number}", **{**defaults, **fields})


def picture(*instances: Instance, types: tuple[TypeSeen, ...] = (), **fields: Any) -> Picture:
    """Show instances as both doors of one registry tell of them."""
    doors = ("127.0.0.1:8091", "http://127.0.0.1:8081")
    readings = tuple(Reading(each, types=types, instances=instances) for each in doors)
    return Picture(**{"now": NOW, "readings": readings, **fields})


def only(found: list[Finding]) -> tuple[str, str, str, str]:
    """Give the only finding without its remedy, which it must have."""
    (finding,) = found
    assert finding.remedy
    return (finding.level, finding.code, finding.where, finding.what)


def test_a_platform_that_is_well_has_no_findings() -> None:
    kinds = (TypeSeen("todo"), TypeSeen("auth"))
    well = picture(instance(number=1), instance(number=2, state="draining"), instance("auth"), types=kinds)
    assert examine(well) == []
    assert examine(Picture(NOW)) == []


def test_errors_come_before_warnings() -> None:
    away = instance(number=2, state="draining")
    connections = {f"{away.host}:{away.http_port}": "refused"}
    shown = picture(instance(routes=("/v1",)), away, instance("auth", routes=("/v1",)), connections=connections)
    assert [each.code for each in examine(shown)] == ["route_conflict", "unreachable"]


# -- registries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("registry_away", "it does not answer: refused"),
        ("registry_refuses", "it refuses this service's token: refused"),
        ("not_a_registry", "it is no Registry: refused"),
    ],
)
def test_a_registry_that_does_not_answer_well_is_an_error(fault: str, what: str) -> None:
    shown = Picture(NOW, (Reading("registry:9000", fault, "refused"), Reading("other:9000")))
    assert only(examine(shown)) == ("error", fault, "registry:9000", what)


def test_registries_that_know_different_instances_disagree() -> None:
    one, other = instance(number=1), instance(number=2)
    away = Reading("c:1", "registry_away", "refused")
    readings = (Reading("a:1", instances=(one,)), Reading("b:1", instances=(one, other)), away)
    found = [each for each in examine(Picture(NOW, readings)) if each.code != "registry_away"]
    what = "it does not know todo/todo-2, which another registry knows"
    assert only(found) == ("error", "registries_disagree", "a:1", what)


def test_many_missing_instances_are_not_all_named() -> None:
    readings = (Reading("a:1"), Reading("b:1", instances=tuple(instance(number=each) for each in range(1, 9))))
    (finding,) = doctor.registries_agree(Picture(NOW, readings))
    assert "todo/todo-5 and 3 more" in finding.what
    assert "todo/todo-6" not in finding.what


def test_a_database_that_cannot_be_read_is_an_error() -> None:
    found = examine(picture(instance(), database_fault="refused"))
    assert only(found) == ("error", "database_away", "the Registry's database", "refused")


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "level"), [("up", "error"), ("draining", "warning"), ("down", "warning")])
def test_an_address_that_takes_no_connection_is_an_error_where_requests_go_there(state: Any, level: str) -> None:
    well = instance(number=2)
    shown = picture(
        instance(host="::1", http_port=80, grpc_port=90, state=state),
        well,
        connections={"[::1]:80": "", "[::1]:90": "Connection refused", f"127.0.0.1:{well.http_port}": ""},
    )
    what = "[::1]:90 takes no connection from here: Connection refused"
    assert only(examine(shown)) == (level, "unreachable", "todo/todo-1", what)


@pytest.mark.parametrize(("state", "level"), [("up", "error"), ("down", "warning")])
def test_two_instances_at_one_address_are_an_error_where_both_could_be_used(state: Any, level: str) -> None:
    shown = picture(instance(http_port=80), instance("auth", grpc_port=80, state=state), instance("auth", 2))
    what = "it is the address of auth/auth-1, todo/todo-1"
    found = [each for each in examine(shown) if each.code != "down"]
    assert only(found) == (level, "duplicate_address", "127.0.0.1:80", what)


def test_the_same_port_on_two_hosts_is_fine() -> None:
    assert examine(picture(instance(host="a", http_port=80), instance(number=2, host="b", http_port=80))) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_loopback_host_is_an_error_only_where_others_are_elsewhere(host: str) -> None:
    assert examine(picture(instance(host=host), instance(number=2, host="localhost"))) == []
    found = examine(picture(instance(host=host), instance(number=2, host="10.0.0.7")))
    what = f"it advertises {host}, while others are on other machines"
    assert only(found) == ("error", "unreachable_host", "todo/todo-1", what)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_unspecified_host_is_always_an_error(host: str) -> None:
    what = f"it advertises {host}, which is no address to connect to"
    assert only(examine(picture(instance(host=host)))) == ("error", "unreachable_host", "todo/todo-1", what)


# -- instances ---------------------------------------------------------------------------------------------------------


def test_a_clock_that_differs_by_more_than_two_seconds_is_a_warning() -> None:
    skews = {"todo/todo-1": -2.6, "todo/todo-2": 2.0, "todo/todo-3": -2.0}
    found = examine(picture(instance(), skews=skews))
    assert only(found) == ("warning", "clock_skew", "todo/todo-1", "its clock is 3 s behind ours")
    found = examine(picture(instance(), skews={"todo/todo-1": 3600.0}))
    assert only(found)[3] == "its clock is 3600 s ahead of ours"


def test_several_versions_of_a_type_are_a_warning() -> None:
    shown = picture(instance(version="2"), instance(number=2, version=""), instance(number=3), instance("auth"))
    what = "its instances run an unnamed version, 1, 2"
    assert only(examine(shown)) == ("warning", "mixed_versions", "todo", what)


def test_the_version_of_a_down_instance_does_not_count() -> None:
    found = examine(picture(instance(version="2"), instance(number=2, version="1", state="down")))
    assert only(found)[1] == "down"


def test_a_type_with_instances_none_of_which_is_up_is_an_error() -> None:
    shown = picture(instance(state="starting"), instance(number=2, state="draining"), instance("auth"))
    what = "none of its 2 instances is up: todo-1 starting, todo-2 draining"
    assert only(examine(shown)) == ("error", "none_up", "todo", what)


def test_an_instance_that_is_down_and_can_be_reached_is_a_warning() -> None:
    check = LastCheck(NOW, "critical", 2000.0, "no answer in time")
    silent = instance(state="down", last_check=check)
    found = examine(picture(silent, instance(number=2)))
    what = "it takes connections and is down; its last health check: critical, no answer in time"
    assert only(found) == ("warning", "down", "todo/todo-1", what)
    assert "has not reached it" in only(examine(picture(instance(state="down"), instance(number=2))))[3]
    gone = picture(silent, instance(number=2), connections={f"127.0.0.1:{silent.http_port}": "refused"})
    assert only(examine(gone))[1] == "unreachable", "which says it better"


def test_a_damped_instance_is_a_warning() -> None:
    found = examine(picture(instance(state="down", damped=True), instance(number=2)))
    assert only(found)[:3] == ("warning", "damped", "todo/todo-1")
    assert "history todo todo-1" in found[0].remedy


def test_an_instance_that_rests_for_more_than_an_hour_is_forgotten() -> None:
    def shown(age: timedelta) -> Picture:
        return picture(instance(state="maintenance"), instance(number=2), began={"todo/todo-1": NOW - age})

    found = examine(shown(timedelta(hours=3, minutes=59)))
    assert only(found) == ("warning", "forgotten", "todo/todo-1", "maintenance for 3 h, and nobody resumed it")
    assert "resume todo todo-1" in found[0].remedy
    assert examine(shown(timedelta(hours=1))) == []


def test_a_type_whose_weights_are_all_zero_is_a_warning() -> None:
    shown = picture(instance(weight=0), instance(number=2, weight=0), instance(number=3, state="draining"))
    assert only(examine(shown))[:3] == ("warning", "no_weight", "todo")
    assert examine(picture(instance(weight=0), instance(number=2))) == []


def test_types_under_a_guard_share_a_warning() -> None:
    kinds = (TypeSeen("todo", True, ("warm_up", "mass_loss")), TypeSeen("auth", True, ("warm_up",)), TypeSeen("admin"))
    found = examine(picture(types=kinds))
    assert [(each.level, each.code, each.where) for each in found] == [
        ("warning", "degraded", "todo, auth"),
        ("warning", "degraded", "todo"),
    ]
    assert "started" in found[0].what
    assert "leases lapsed" in found[1].what


@pytest.mark.parametrize("guards", [(), ("new_kind",)])
def test_a_guard_without_a_name_or_with_an_unknown_one_is_shown_as_well(guards: tuple[str, ...]) -> None:
    found = examine(picture(types=(TypeSeen("todo", True, guards),)))
    assert only(found) == ("warning", "degraded", "todo", guards[0] if guards else "evictions are held back")


def test_a_route_that_two_types_claim_is_an_error() -> None:
    shown = picture(
        instance(routes=("/v1/lists", "/v1/tasks")),
        instance(number=2, routes=("/v1/lists",)),
        instance("auth", routes=("/v1/lists/", "/v1/tasks/special")),
    )
    what = "auth, todo claim it, and the gateway sends to one of them alone"
    assert only(examine(shown)) == ("error", "route_conflict", "/v1/lists", what)


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setup", "level", "variable"),
    [
        (Setup(lease_ttl=3.1), "warning", "MT_LEASE_TTL"),
        (Setup(lease_ttl=0.9), "warning", "MT_LEASE_TTL"),
        (Setup(reap_after=2.9), "warning", "MT_REAP_AFTER"),
        (Setup(evict_percent=100), "warning", "MT_EVICT_PERCENT"),
        (Setup(metrics_token=False, embedded=False), "warning", "MT_METRICS_TOKEN"),
        (Setup(registries=2, embedded=True), "error", "MT_REGISTRY_ADDRESSES"),
    ],
)
def test_a_weak_setting_is_found(setup: Setup, level: str, variable: str) -> None:
    assert only(examine(Picture(NOW, setup=setup)))[:3] == (level, "weak_setting", variable)


@pytest.mark.parametrize(
    "setup",
    [
        Setup(lease_ttl=3.0, reap_after=3.0, evict_percent=99),
        Setup(lease_ttl=1.0),
        Setup(metrics_token=False, embedded=True),
        Setup(registries=3, embedded=False),
    ],
)
def test_a_strong_setting_is_not(setup: Setup) -> None:
    assert examine(Picture(NOW, setup=setup)) == []


def test_a_key_that_others_can_read_is_an_error() -> None:
    found = examine(Picture(NOW, setup=Setup(open_keys=("/keys/todo.pem",))))
    assert only(found)[:3] == ("error", "open_key", "/keys/todo.pem")
    assert found[0].remedy == "chmod 600 /keys/todo.pem"


def test_the_table_of_codes_has_all_that_can_be_found() -> None:
    everything = Picture(
        NOW,
        (
            Reading("a:1", "registry_away", "refused"),
            Reading("b:1", "registry_refuses", "invalid token"),
            Reading("c:1", "not_a_registry", "HTTP 404"),
            Reading("d:1", types=(TypeSeen("todo", True, ("stall",)),), instances=(
                instance(host="0.0.0.0", weight=0, version="2", routes=("/v1",)),
                instance(host="0.0.0.0", weight=0, state="maintenance"),
                instance("auth", damped=True, state="down", routes=("/v1",)),
                instance("auth", number=2, state="down"),
            )),
            Reading("e:1"),
        ),
        Setup(lease_ttl=9, open_keys=("todo.pem",)),
        connections={"0.0.0.0:9010": "refused"},
        skews={"todo/todo-1": 9},
        began={"todo/todo-1": NOW - timedelta(days=1)},
        database_fault="refused",
    )  # fmt: skip
    rows = [line.split() for line in str(doctor.__doc__).splitlines() if "  " in line]
    assert {row[0] for row in rows} - {"code"} == {each.code for each in examine(everything)}
