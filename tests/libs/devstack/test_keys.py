import json
import stat

from libs.contracts.names import SERVICES
from libs.devstack import compose, keys
from libs.identity.bundle import Bundle
from libs.identity.service_tokens import ServiceSigner, ServiceVerifier, load_private_key


def test_keys_are_complete_and_for_their_owner_alone(tmp_path):
    folder = tmp_path / "keys"

    keys.write_keys(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    for service in SERVICES:
        assert len((folder / f"{service}.secret").read_text()) >= 50
    assert (folder / "admin.password").read_text()


def test_each_key_signs_what_the_bundle_verifies(tmp_path):
    keys.write_keys(tmp_path)
    bundle = Bundle.load(tmp_path / "services.json")

    for service in SERVICES:
        token = ServiceSigner(service, load_private_key(tmp_path / f"{service}.pem")).token("todo")
        assert ServiceVerifier(bundle, "todo").verify(token).service == service
    assert bundle.get("todo").allows_route("/v1/tasks")


def test_nothing_that_exists_is_overwritten(tmp_path):
    keys.write_keys(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    assert keys.write_keys(tmp_path) == []
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_deleted_file_alone_is_written_again(tmp_path):
    keys.write_keys(tmp_path)
    (tmp_path / "admin.password").unlink()

    assert keys.write_keys(tmp_path) == ["admin.password"]


def test_a_service_of_ones_own_gets_a_key_and_its_routes(tmp_path):
    keys.write_keys(tmp_path)

    keys.add_service(tmp_path, "billing", ["/v1/invoices"])

    entry = Bundle.load(tmp_path / "services.json").get("billing")
    assert entry.visibility == "internal"
    assert entry.allows_route("/v1/invoices/7")


def test_compose_gets_the_same_keys_and_random_passwords_once(tmp_path):
    written = compose.write_compose_secrets(tmp_path)

    assert ".env" in written
    lines = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert set(lines) == set(compose.VARIABLES)
    assert len(set(lines.values())) == len(lines)
    assert json.loads((tmp_path / "secrets" / "services.json").read_text())["services"].keys() == set(SERVICES)
    assert compose.write_compose_secrets(tmp_path) == []
