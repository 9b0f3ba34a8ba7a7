"""Keys and a bundle made on the fly, so that tests sign and verify for real."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from libs.contracts.names import SERVICES
from libs.identity.bundle import encode_key

VISIBILITY = {"registry": "public", "gateway": "public", "admin": "admin"}
ROUTES = {
    "auth": ["/v1/auth", "/v1/users", "/.well-known"],
    "todo": ["/v1/lists", "/v1/tasks", "/v1/labels", "/v1/trash"],
}


def write_keys(folder: Path) -> None:
    """Write a key for every service and the bundle of all into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    services = {}
    for service in SERVICES:
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{service}.pem").write_bytes(pem)
        services[service] = {
            "visibility": VISIBILITY.get(service, "internal"),
            "keys": [encode_key(key.public_key())],
            "routes": ROUTES.get(service, []),
        }
    (folder / "services.json").write_text(json.dumps({"services": services}))
