"""docker-compose.yml starts every service the way the code wants to be started. No engine is needed to tell."""

import re

import pytest

from libs.devstack.compose import VARIABLES, write_compose_secrets
from tests.architecture.repository import ROOT, SERVICES, compose

PARTS = {"postgres", "rabbitmq", "redis"}
WORKERS = {"events-worker", "auth-worker", "todo-worker"}
MORE_REGISTRIES = {"registry-2", "registry-3"}
PUBLISHED = {"registry", "gateway", "admin"}


@pytest.fixture(scope="module")
def services():
    return compose()["services"]


def command(service):
    return (service.get("command") or [""])[0]


def test_every_service_runs_and_migrates_first(services):
    for name in SERVICES:
        assert command(services[name]) == "serve"
        assert command(services[f"migrate-{name}"]) == "migrate"
    admin = services["admin"]["depends_on"]
    assert "service_completed_successfully" in {condition["condition"] for condition in admin.values()}
    for name in set(SERVICES) - {"admin"}:
        assert services[name]["depends_on"][f"migrate-{name}"]["condition"] == "service_completed_successfully"


def test_every_service_with_a_queue_has_its_worker(services):
    settings = {name: (ROOT / f"{name}_svc/config/settings.py").read_text() for name in SERVICES}
    with_queue = {f"{name}-worker" for name, text in settings.items() if "WORKER_QUEUES" in text}
    assert with_queue == WORKERS
    assert {name for name, service in services.items() if command(service) == "worker"} == WORKERS


def test_nothing_unknown_is_started(services):
    jobs = {f"migrate-{name}" for name in SERVICES} | {"ensure-admin"}
    assert set(services) == PARTS | WORKERS | jobs | set(SERVICES) | MORE_REGISTRIES


def test_more_registries_are_started_by_a_profile_and_differ_in_name_and_folder_only(services):
    for name in MORE_REGISTRIES:
        more, first = services[name], services["registry"]
        assert more["profiles"] == ["registries"]
        assert (more["hostname"], more["volumes"]) == (name, [f"{name}:/data"])
        assert more["environment"] == {k: v for k, v in first["environment"].items() if k != "MT_PUBLIC_ADDRESS"}
        assert {k: more[k] for k in ("image", "command", "secrets", "healthcheck")} == {
            k: first[k] for k in ("image", "command", "secrets", "healthcheck")
        }


def test_only_the_three_doors_are_published_and_only_on_the_loopback(services):
    assert {name for name, service in services.items() if service.get("ports")} == PUBLISHED
    ports = [port for name in PUBLISHED for port in services[name]["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert {int(port.split(":")[1]) for port in ports} == {8080, 8081, 8091, 8082}


def test_what_serves_is_checked_and_waits_for_what_it_needs(services):
    workers = {name for name in services if name.endswith("-worker")}
    for name in {*SERVICES, *PARTS, *workers}:
        assert "test" in services[name].get("healthcheck", ()), name
    for name, service in services.items():
        for needed, condition in service.get("depends_on", {}).items():
            assert needed in services, f"{name} depends on {needed}"
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], f"{name} waits for the health of {needed}"


def test_each_service_has_a_database_of_its_own(services):
    created = (ROOT / "deploy/postgres/create-databases.sh").read_text()
    for name in SERVICES:
        urls = {s["environment"]["MT_DATABASE_URL"] for s in services.values() if image_of(s) == f"microtodo-{name}"}
        assert len(urls) == 1
        assert urls.pop().endswith(f":5432/{name}")
        assert re.search(rf"\b{name}\b", created)


def image_of(service):
    return service.get("image", "")


def test_each_container_holds_its_own_key_and_no_other(services):
    for service in services.values():
        if not image_of(service).startswith("microtodo-"):
            continue
        name = image_of(service).removeprefix("microtodo-")
        keys = {secret for secret in service["secrets"] if secret.endswith((".pem", ".secret"))}
        assert keys == {f"{name}.pem", f"{name}.secret"}
        assert service.get("build", {"args": {"SERVICE": name}})["args"]["SERVICE"] == name


def test_every_secret_and_variable_is_written_by_make_secrets(tmp_path):
    write_compose_secrets(tmp_path)
    for name, secret in compose()["secrets"].items():
        assert (tmp_path / secret["file"]).is_file(), name
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert asked == set(VARIABLES)
    written = (tmp_path / ".env").read_text()
    assert all(f"{variable}=" in written for variable in VARIABLES)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_every_variable_is_one_that_the_settings_declare(services):
    documented = set(re.findall(r"`(MT_\w+)`", (ROOT / "docs/configuration.md").read_text()))
    given = {v for s in services.values() for v in s.get("environment", {}) if v.startswith("MT_")}
    assert {variable.removesuffix("_FILE") for variable in given} <= documented


def test_every_named_volume_network_and_secret_is_declared(services):
    whole = compose()
    for name, service in services.items():
        assert set(service.get("secrets", [])) <= set(whole["secrets"]), name
        assert set(service.get("networks", [])) <= set(whole["networks"]), name
        volumes = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert {volume for volume in volumes if not volume.startswith(".")} <= set(whole["volumes"]), name
        mounted = {volume for volume in volumes if volume.startswith(".")}
        assert all((ROOT / volume).exists() for volume in mounted), name


def test_the_image_keeps_libs_editable_and_runs_as_nobody_special():
    image = (ROOT / "Dockerfile").read_text()
    assert "--no-editable" not in image
    assert "--frozen" in image
    assert re.search(r"^USER (?!root)", image, re.MULTILINE)
    pinned = re.search(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert pinned
    assert f"uv=={pinned[1]}" in image
