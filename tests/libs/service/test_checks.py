import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from libs.service import checks, identity


@pytest.fixture
def fresh_identity():
    yield
    for cached in (identity.bundle, identity.signer, identity.verifier):
        cached.cache_clear()


@pytest.fixture
def keys(settings, tmp_path, fresh_identity):
    """A folder that starts as a copy of the suite's keys and may be spoilt."""
    for file in settings.KEYS_DIR.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for cached in (identity.bundle, identity.signer, identity.verifier):
        cached.cache_clear()
    settings.KEYS_DIR = tmp_path
    return tmp_path


def messages(check):
    return [message.msg for message in check(None)]


def test_everything_right_passes(keys):
    for check in (
        checks.secret_is_strong,
        checks.identity_holds,
        checks.addresses_are_addresses,
        checks.instance_is_named,
        checks.traffic_is_right,
        checks.views_declare_access,
    ):
        assert check(None) == []


def test_a_short_secret_is_named(settings):
    settings.SECRET_KEY = "short"

    assert "MT_SECRET_KEY" in messages(checks.secret_is_strong)[0]


def test_an_empty_secret_is_named_too(settings):
    settings.SECRET_KEY = ""

    assert "MT_SECRET_KEY" in messages(checks.secret_is_strong)[0]


def test_an_instance_id_that_the_registry_would_refuse_is_named(settings):
    settings.INSTANCE = "Todo_1"

    assert messages(checks.instance_is_named) == ["MT_INSTANCE: 'Todo_1' is not 1 to 63 of a-z, 0-9 and -"]


def test_a_missing_key_and_a_missing_bundle_are_named_by_their_files(keys):
    (keys / "todo.pem").unlink()
    assert "todo.pem" in messages(checks.identity_holds)[0]

    (keys / "services.json").unlink()
    identity.bundle.cache_clear()
    assert "services.json" in messages(checks.identity_holds)[0]


def test_a_key_that_the_bundle_does_not_know_is_refused(keys):
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (keys / "todo.pem").write_bytes(pem)

    assert "does not know the key of todo" in messages(checks.identity_holds)[0]


def test_a_route_that_is_not_allowed_is_named(keys, settings):
    settings.ROUTES = ["/v1/lists", "/v1/users"]

    assert messages(checks.identity_holds) == ["ROUTES: the service bundle does not allow /v1/users"]


@pytest.mark.parametrize(
    ("name", "value", "variable"),
    [
        ("REGISTRY_ADDRESSES", ["nowhere"], "MT_REGISTRY_ADDRESSES"),
        ("REGISTRY_ADDRESSES", [":8091"], "MT_REGISTRY_ADDRESSES"),
        ("REGISTRY_ADDRESSES", ["registry:99999"], "MT_REGISTRY_ADDRESSES"),
        ("REGISTRY_ADDRESSES", [], "MT_REGISTRY_ADDRESSES"),
        ("REGISTRY_URLS", ["127.0.0.1:8081"], "MT_REGISTRY_URLS"),
        ("PUBLIC_ADDRESS", "example.org", "MT_PUBLIC_ADDRESS"),
        ("REDIS_URL", "nonsense", "MT_REDIS_URL"),
    ],
)
def test_a_wrong_address_names_its_variable(settings, name, value, variable):
    setattr(settings, name, value)

    assert variable in messages(checks.addresses_are_addresses)[0]


def test_a_service_with_events_needs_a_broker(settings):
    settings.BROKER_URL = ""

    assert "MT_BROKER_URL" in checks.broker_is_named()[0].msg


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ({"timeout": 0}, "TRAFFIC: timeout: 0 is wrong: write a number from 0.1 to 3600"),
        ({"max_bodies": 1}, "TRAFFIC: there is no 'max_bodies': write timeout, max_body, max_in_flight, rate"),
        (["timeout"], "TRAFFIC: ['timeout'] is wrong: write an object with timeout, max_body, max_in_flight, rate"),
    ],
)
def test_a_service_that_asks_the_gateway_for_what_it_cannot_give_is_refused(settings, declared, text):
    settings.TRAFFIC = declared

    assert messages(checks.traffic_is_right) == [text]
