"""The doctor's picture of a running Registry."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import OperationalError, connection

from libs.testing.ports import free_port
from registry_svc.instances.management.gathering import SETTLE_SECONDS, gather, open_keys, setup
from registry_svc.instances.models import Transition
from tests.registry_svc.instances.management.conftest import Printed, Serve
from tests.registry_svc.parts import GrpcInstance, RunningRegistry, wait_until


def no_wait(seconds: float) -> None:
    raise AssertionError("nothing to wait for")


def test_all_that_is_registered_is_asked(todo: RunningRegistry, grpc_instance: GrpcInstance) -> None:
    picture = gather(todo.address, no_wait)
    assert [(each.address, each.fault) for each in picture.readings] == [(todo.address, ""), (todo.url, "")]
    assert {each.id for each in picture.instances} == {"registry-1", "todo-1"}
    doors = (todo.http_port, todo.grpc_port, grpc_instance.port)
    assert picture.connections == {f"127.0.0.1:{port}": "" for port in doors}
    assert list(picture.skews) == ["registry/registry-1"], "todo-1 has no HTTP port"
    assert abs(picture.skews["registry/registry-1"]) <= 2
    assert (picture.began, picture.database_fault) == ({}, "")


def test_every_registry_of_the_settings_is_asked_besides_the_one_that_is_given(
    todo: RunningRegistry, settings: Any
) -> None:
    away = f"127.0.0.1:{free_port()}"
    settings.REGISTRY_ADDRESSES = [away, todo.address]
    settings.REGISTRY_URLS = [f"http://{away}"]
    picture = gather(todo.address, no_wait)
    faults = [(each.address, each.fault) for each in picture.readings]
    assert faults == [(todo.address, ""), (away, "registry_away"), (f"http://{away}", "registry_away")]


def test_registries_that_disagree_are_asked_again_after_a_moment(
    todo: RunningRegistry, settings: Any, serve: Serve
) -> None:
    waits: list[float] = []

    def agree(seconds: float) -> None:
        waits.append(seconds)
        settings.REGISTRY_URLS = [todo.url]

    nobody = serve(b'{"items": []}')
    settings.REGISTRY_URLS = [f"http://127.0.0.1:{nobody}"]
    picture = gather(todo.address, agree)
    assert waits == [SETTLE_SECONDS]
    assert [each.address for each in picture.readings] == [todo.address, todo.url]


def test_maintenance_began_as_the_history_tells(todo: RunningRegistry, printed: Printed) -> None:
    printed("maintenance", "todo", "todo-1")
    wait_until(Transition.objects.filter(after="maintenance").exists)
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    Transition.objects.filter(type="todo").update(at=long_ago)
    assert gather(todo.address, no_wait).began == {"todo/todo-1": long_ago}


def test_maintenance_without_history_began_at_the_registration(todo: RunningRegistry, printed: Printed) -> None:
    printed("maintenance", "todo", "todo-1")
    wait_until(Transition.objects.filter(after="maintenance").exists)
    Transition.objects.all().delete()
    picture = gather(todo.address, no_wait)
    (registered,) = (each.registered_at for each in picture.instances if each.type == "todo")
    assert picture.began == {"todo/todo-1": registered}


def test_a_database_that_is_away_is_part_of_the_picture(todo: RunningRegistry, printed: Printed) -> None:
    def away(*args: Any) -> None:
        raise OperationalError("no connection:\nrefused")

    with connection.execute_wrapper(away):
        picture = gather(todo.address, no_wait)
    assert picture.database_fault == "no connection: refused"
    assert picture.instances


def test_the_settings_are_those_of_the_registry(settings: Any) -> None:
    settings.LEASE_TTL, settings.REAP_AFTER, settings.EVICT_PERCENT = 1.5, 60.0, 20
    settings.METRICS_TOKEN, settings.EMBEDDED, settings.REGISTRY_ADDRESSES = "", False, ["a:1", "b:1"]
    found = setup()
    assert (found.lease_ttl, found.reap_after, found.evict_percent) == (1.5, 60.0, 20)
    assert (found.metrics_token, found.embedded, found.registries) == (False, False, 2)


def test_open_keys_are_those_that_others_can_read(tmp_path: Path) -> None:
    modes = {"services.json": 0o644, "todo.pem": 0o600, "auth.pem": 0o640, "auth.secret": 0o604}
    for name, mode in modes.items():
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(mode)
    tmp_path.chmod(0o755)
    assert open_keys(tmp_path) == [tmp_path / "auth.pem", tmp_path / "auth.secret"]
    tmp_path.chmod(0o700)
    assert open_keys(tmp_path) == [], "nobody else gets into the folder"
