"""Keys, the service bundle and passwords: generated once, never overwritten, readable by their owner alone.

services.json      the bundle: public keys, visibility, allowed routes of each service type
<service>.pem      the service's Ed25519 key          <service>.secret   its Django SECRET_KEY
admin.password     the dashboard's first account      metrics.token      bearer token of /metrics
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from libs.contracts.names import SERVICES
from libs.identity.bundle import encode_key
from libs.identity.service_tokens import load_private_key

VISIBILITY = {"registry": "public", "gateway": "public", "admin": "admin"}
ROUTES = {
    "auth": ["/v1/auth", "/v1/users", "/.well-known"],
    "todo": ["/v1/lists", "/v1/tasks", "/v1/labels", "/v1/search", "/v1/sync", "/v1/changes", "/v1/trash"],
}
PASSWORDS = ("admin.password", "metrics.token")


def write_keys(folder: Path) -> list[str]:
    """Write what is missing in `folder` and give the names of what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    written = []
    for service in SERVICES:
        written += _write_service(folder, service)
    written += [name for name in PASSWORDS if _write_new(folder / name, secrets.token_urlsafe(18))]
    for service in SERVICES:
        add_to_bundle(folder, service, VISIBILITY.get(service, "internal"), ROUTES.get(service, []))
    return written


def add_service(folder: Path, service: str, routes: list[str]) -> None:
    """Give a service of your own its key, secret and place in the bundle."""
    _write_service(folder, service)
    add_to_bundle(folder, service, "internal", routes)


def add_to_bundle(folder: Path, service: str, visibility: str, routes: list[str]) -> None:
    """Name `service` in the bundle, unless it is there."""
    file = folder / "services.json"
    bundle: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"services": {}}
    if service in bundle["services"]:
        return
    public = load_private_key(folder / f"{service}.pem").public_key()
    bundle["services"][service] = {"visibility": visibility, "keys": [encode_key(public)], "routes": routes}
    _replace(file, json.dumps(bundle, indent=2) + "\n")


def _write_service(folder: Path, service: str) -> list[str]:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    values = {f"{service}.pem": pem, f"{service}.secret": secrets.token_urlsafe(64)}
    return [name for name, value in values.items() if _write_new(folder / name, value)]


def _write_new(file: Path, value: str) -> bool:
    """Write a file with mode 0600 unless it exists; tell whether it was written."""
    if file.exists():
        return False
    _replace(file, value)
    return True


def _replace(file: Path, value: str) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(value)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(file)
