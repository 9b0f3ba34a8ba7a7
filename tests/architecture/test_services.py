"""Every `*_svc` folder is a whole service: shape, suite, import rules, lock."""

import tomllib

import pytest

from libs.contracts.names import SERVICES as NAMES
from libs.devstack.keys import write_keys
from libs.identity.bundle import Bundle
from tests.architecture.repository import APPS, ROOT, SERVICES, contracts, project

ALLOWED = {"pyproject.toml", "manage.py", "__init__.py", "config"}


def test_the_services_are_those_that_the_names_on_the_wire_know():
    assert sorted(NAMES) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_only_the_two_boxes_and_three_files_lie_at_the_top_of_a_service(service):
    found = {entry.name for entry in (ROOT / f"{service}_svc").iterdir()} - {"__pycache__"}
    assert found == ALLOWED | {APPS.get(service, service)}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_settings_urls_and_an_asgi_door(service):
    config = ROOT / f"{service}_svc" / "config"
    assert {"__init__.py", "settings.py", "urls.py", "asgi.py"} <= {file.name for file in config.iterdir()}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_a_suite_of_its_own(service):
    suite = ROOT / "tests" / f"{service}_svc"
    options = tomllib.loads((suite / "pytest.toml").read_text())["pytest"]
    assert options["strict"] is True
    assert options["filterwarnings"] == ["error"]
    assert f"--ds=tests.{service}_svc.settings" in options["addopts"]
    assert "libs.testing.plugin" in options["addopts"]
    assert list(suite.rglob("test_*.py"))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_under_every_import_rule(service):
    package, rules = f"{service}_svc", contracts()
    assert package in project()["tool"]["importlinter"]["root_packages"]
    assert package in rules["platform"]["layers"][0].split(" | ")
    assert f"{package}.*" in rules["inside-a-service"]["containers"]
    assert f"{package}.config" in rules["settings"]["protected_modules"]
    assert {f"{package}.*.services", f"{package}.*.selectors"} <= set(rules["logic"]["source_modules"])
    assert package in rules["acyclic"]["ancestors"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_a_member_of_the_workspace_and_in_the_lock(service):
    own = project(f"{service}_svc")
    locked = {package["name"] for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    assert own["project"]["name"] == f"{service}-svc"
    assert own["project"]["name"] in locked
    assert own["tool"]["uv"]["package"] is False
    assert "libs" in own["project"]["dependencies"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_a_key_in_the_bundle_that_make_secrets_writes(service, tmp_path):
    write_keys(tmp_path)
    entry = Bundle.load(tmp_path / "services.json").get(service)
    assert entry is not None
    expected = {"registry": "public", "gateway": "public", "admin": "admin"}.get(service, "internal")
    assert entry.visibility == expected


def test_every_package_of_libs_has_its_layer():
    packages = {folder.name for folder in (ROOT / "libs").iterdir() if (folder / "__init__.py").exists()}
    layers = contracts()["libs"]["layers"]
    assert {name for layer in layers for name in layer.split(" | ")} == packages


def test_no_file_edits_the_import_path():
    guilty = [file for folder in ("libs", *map("{}_svc".format, SERVICES)) for file in (ROOT / folder).rglob("*.py")]
    assert [str(file) for file in guilty if "sys.path" in file.read_text()] == []
