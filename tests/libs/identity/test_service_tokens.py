import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.identity.bundle import Bundle, ServiceEntry
from libs.identity.principal import Caller
from libs.identity.service_tokens import (
    KeyFileError,
    ServiceSigner,
    ServiceVerifier,
    TokenError,
    load_private_key,
)


def entry(service, *keys):
    return ServiceEntry(service, "internal", tuple(key.public_key() for key in keys), ())


@pytest.fixture
def key():
    return Ed25519PrivateKey.generate()


@pytest.fixture
def verifier(key):
    other = Ed25519PrivateKey.generate()
    return ServiceVerifier(Bundle({"todo": entry("todo", other, key), "admin": entry("admin", other)}), "auth")


def test_a_token_says_who_calls_with_any_of_the_keys_of_a_rotation(key, verifier):
    token = ServiceSigner("todo", key).token("auth")

    assert verifier.verify(token) == Caller("service", "todo")
    assert verifier.verify(token) == Caller("service", "todo")


def test_the_admin_service_is_an_admin_caller():
    assert Caller.of("admin").kind == "admin"


def test_a_token_for_another_audience_is_refused(key, verifier):
    with pytest.raises(TokenError):
        verifier.verify(ServiceSigner("todo", key).token("events"))


def test_a_service_cannot_sign_as_another(key, verifier):
    with pytest.raises(TokenError):
        verifier.verify(ServiceSigner("admin", key).token("auth"))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é"])
def test_what_is_no_token_is_refused(verifier, token):
    with pytest.raises(TokenError):
        verifier.verify(token)


def test_an_expired_or_overlong_token_is_refused(key, verifier):
    now = int(time.time())
    for claims in ({"iat": now - 900, "exp": now - 600}, {"iat": now, "exp": now + 7200}):
        token = jwt.encode({"iss": "todo", "aud": "auth", **claims}, key, algorithm="EdDSA", headers={"kid": "todo"})
        with pytest.raises(TokenError):
            verifier.verify(token)


def test_a_verified_token_is_not_trusted_beyond_its_end(key, verifier, monkeypatch):
    token = ServiceSigner("todo", key).token("auth", ttl=1)
    verifier.verify(token)
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)

    assert verifier._verified[token][1] < later


def test_tokens_live_between_a_second_and_an_hour(key):
    signer = ServiceSigner("todo", key)
    for ttl in (0, 3601):
        with pytest.raises(ValueError, match="ttl"):
            signer.token("auth", ttl)
    assert signer.cached_token("auth") == signer.cached_token("auth")


def test_a_detached_signature_holds_for_its_payload_and_signer_only(key, verifier):
    signature = ServiceSigner("todo", key).sign(b"payload")

    verifier.verify_signature("todo", b"payload", signature)
    for service, payload, given in (
        ("todo", b"other", signature),
        ("admin", b"payload", signature),
        ("nobody", b"payload", signature),
        ("todo", b"payload", "not base64!"),
    ):
        with pytest.raises(TokenError):
            verifier.verify_signature(service, payload, given)


def test_a_missing_or_wrong_key_file_is_named(tmp_path):
    with pytest.raises(KeyFileError, match=r"todo\.pem"):
        load_private_key(tmp_path / "todo.pem")
    (tmp_path / "todo.pem").write_text("nonsense")
    with pytest.raises(KeyFileError, match=r"todo\.pem"):
        load_private_key(tmp_path / "todo.pem")
