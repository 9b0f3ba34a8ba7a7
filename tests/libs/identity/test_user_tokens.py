import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from libs.identity.principal import Principal
from libs.identity.user_tokens import InvalidAccessToken, UserTokenVerifier

CLAIMS = {"iss": "mt", "aud": "mt", "sub": "u1", "sid": "s1", "jti": "t1", "scope": "tasks:read account"}


class Auth:
    """Signs like Auth and counts how often its keys are fetched."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.kid = "k1"
        self.fetches = 0

    def jwks(self):
        self.fetches += 1
        jwk = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**jwk, "kid": self.kid, "alg": "ES256", "use": "sig"}]}

    def token(self, *, typ="at+jwt", kid=None, algorithm="ES256", key=None, **claims):
        now = int(time.time())
        payload = {**CLAIMS, "iat": now, "exp": now + 600, **claims}
        headers = {"typ": typ, "kid": kid or self.kid}
        return jwt.encode(payload, self.key if key is None else key, algorithm=algorithm, headers=headers)


@pytest.fixture
def auth():
    return Auth()


@pytest.fixture
def verifier(auth):
    return UserTokenVerifier(auth.jwks, issuer="mt", audience="mt")


def test_a_valid_token_gives_the_principal(auth, verifier):
    token = auth.token()

    principal = verifier.verify(token)

    assert principal == Principal("u1", "s1", frozenset({"tasks:read", "account"}), "t1")
    assert verifier.cached(token) == principal


def test_wrong_types_issuers_audiences_times_and_algorithms_are_refused(auth, verifier):
    stranger = ec.generate_private_key(ec.SECP256R1())
    wrong = [
        auth.token(typ="JWT"),
        auth.token(iss="other"),
        auth.token(aud="other"),
        auth.token(exp=int(time.time()) - 1),
        auth.token(key=stranger),
        auth.token(algorithm="HS256", key="secret-secret-secret-secret-secret-secret"),
        auth.token(algorithm="none", key=""),
        "x",
        "",
    ]
    for token in wrong:
        with pytest.raises(InvalidAccessToken):
            verifier.verify(token)


def test_an_unknown_key_makes_one_fetch_and_then_a_pause(auth, verifier):
    verifier.verify(auth.token())
    for _ in range(5):
        with pytest.raises(InvalidAccessToken):
            verifier.verify(auth.token(kid="made-up"))

    assert auth.fetches == 1


def test_a_refresh_takes_new_keys_and_forgets_old_tokens(auth, verifier):
    old = auth.token()
    verifier.verify(old)
    auth.key, auth.kid = ec.generate_private_key(ec.SECP256R1()), "k2"

    verifier.refresh()

    assert verifier.verify(auth.token()).user_id == "u1"
    with pytest.raises(InvalidAccessToken):
        verifier.verify(old)
