"""Access tokens as JWTs (RFC 9068, ES256) and their keys as JWKs (RFC 7517). Nothing here touches the database."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

ALGORITHM = "ES256"
TYPE = "at+jwt"
REQUIRED = ("iss", "aud", "sub", "sid", "jti", "scope", "client_id", "iat", "exp")

PrivateKey = ec.EllipticCurvePrivateKey


def new_private_key() -> PrivateKey:
    """Make a key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def to_pem(key: PrivateKey) -> bytes:
    """Write a private key, unencrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def from_pem(pem: bytes) -> PrivateKey:
    """Read what `to_pem` wrote."""
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("not a key on an elliptic curve")
    return key


def public_jwk(key: PrivateKey, kid: str) -> dict[str, str]:
    """Describe the public half."""
    members: dict[str, str] = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    return {**members, "kid": kid, "use": "sig", "alg": ALGORITHM}


def sign(claims: Mapping[str, Any], key: PrivateKey, kid: str) -> str:
    """Make an access token."""
    return jwt.encode(dict(claims), key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": kid})


def verified(token: str, jwks: Iterable[Mapping[str, Any]], *, issuer: str, audience: str) -> dict[str, Any] | None:
    """Give the claims of a valid access token signed by one of `jwks`; None for anything else."""
    try:
        header = jwt.get_unverified_header(token)
        jwk = next((jwk for jwk in jwks if jwk["kid"] == header.get("kid")), None)
        if jwk is None or header.get("typ") != TYPE:
            return None
        return jwt.decode(
            token,
            jwt.PyJWK(dict(jwk)).key,
            algorithms=[ALGORITHM],
            issuer=issuer,
            audience=audience,
            options={"require": list(REQUIRED)},
        )
    except jwt.PyJWTError:
        return None
