"""Access tokens: only what we signed, as we sign it, verifies."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auth_svc.accounts import jwts

KEY = jwts.new_private_key()
JWK = jwts.public_jwk(KEY, "k1")


def claims(**changed):
    now = int(time.time())
    fixed = {name: name for name in ("sub", "sid", "jti", "scope", "client_id")}
    return {"iss": "us", "aud": "all", "iat": now, "exp": now + 60, **fixed, **changed}


def verified(token, jwks=(JWK,)):
    return jwts.verified(token, jwks, issuer="us", audience="all")


def test_a_token_gives_back_its_claims():
    given = claims()
    assert verified(jwts.sign(given, KEY, "k1")) == given


@pytest.mark.parametrize(
    "changed", [{"iss": "them"}, {"aud": "others"}, {"exp": int(time.time()) - 1}, {"iat": int(time.time()) + 600}]
)
def test_a_token_for_others_or_another_time_does_not_verify(changed):
    assert verified(jwts.sign(claims(**changed), KEY, "k1")) is None


@pytest.mark.parametrize("name", jwts.REQUIRED)
def test_a_token_that_lacks_a_claim_does_not_verify(name):
    given = claims()
    del given[name]
    assert verified(jwts.sign(given, KEY, "k1")) is None


def test_a_token_of_another_type_does_not_verify():
    assert verified(jwt.encode(claims(), KEY, "ES256", headers={"kid": "k1", "typ": "JWT"})) is None


def test_a_token_of_an_unknown_key_does_not_verify():
    other = jwts.new_private_key()
    assert verified(jwts.sign(claims(), other, "k2")) is None
    assert verified(jwts.sign(claims(), other, "k1")) is None


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_of_another_algorithm_does_not_verify(algorithm):
    secret = "" if algorithm == "none" else "x" * 32
    assert verified(jwt.encode(claims(), secret, algorithm, headers={"kid": "k1", "typ": "at+jwt"})) is None


@pytest.mark.parametrize("text", ["", "a.b.c", "....", "ü", "e30.e30."])
def test_what_is_no_token_does_not_verify(text):
    assert verified(text) is None


def test_a_key_survives_being_written_and_read():
    assert jwts.public_jwk(jwts.from_pem(jwts.to_pem(KEY)), "k1") == JWK


@pytest.mark.parametrize(
    "other", [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)], ids=["ed25519", "rsa"]
)
def test_a_key_of_another_kind_is_refused(other):
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TypeError, match="elliptic"):
        jwts.from_pem(pem)
