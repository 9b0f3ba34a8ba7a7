"""The bundle `services.json`: which service types exist, their public keys, visibility and allowed routes.

{"services": {"todo": {"visibility": "internal", "keys": ["<base64url of 32 bytes>"], "routes": ["/v1/lists"]}}}
"""

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Visibility = Literal["public", "internal", "admin"]


class BundleError(Exception):
    """The bundle can't be read; the text names the file and the fault."""


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """What the platform knows of one service type. Several keys allow a rotation without a gap."""

    type: str
    visibility: Visibility
    keys: tuple[Ed25519PublicKey, ...]
    routes: tuple[str, ...]

    def allows_route(self, prefix: str) -> bool:
        """Tell whether the service may register `prefix`: it equals an allowed one or lies below it."""
        return any(route_matches(allowed, prefix) for allowed in self.routes)


def route_matches(prefix: str, path: str) -> bool:
    """Tell whether `prefix` covers `path` by whole segments: it ends there, or at `/` or `:`.

    `/v1/tasks` covers `/v1/tasks`, `/v1/tasks/7` and `/v1/tasks:batch`, not `/v1/tasksx`.
    """
    if not path.startswith(prefix):
        return False
    return prefix.endswith("/") or len(path) == len(prefix) or path[len(prefix)] in "/:"


@dataclass(frozen=True, slots=True)
class Bundle:
    """All service types of the platform by name."""

    services: dict[str, ServiceEntry]

    @classmethod
    def load(cls, path: Path) -> "Bundle":
        """Read the bundle from `path`; BundleError where it is missing or malformed."""
        try:
            raw = json.loads(path.read_text())
            entries = {name: _entry(name, value) for name, value in raw["services"].items()}
        except FileNotFoundError:
            raise BundleError(f"{path}: there is no service bundle; `make secrets` writes one") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise BundleError(f"{path}: not a valid service bundle: {error!r}") from error
        return cls(entries)

    def get(self, service: str) -> ServiceEntry | None:
        """Find a service type, or None."""
        return self.services.get(service)


def encode_key(key: Ed25519PublicKey) -> str:
    """Write a public key the way the bundle holds it."""
    return base64.urlsafe_b64encode(key.public_bytes_raw()).decode().rstrip("=")


def _entry(name: str, value: dict[str, object]) -> ServiceEntry:
    visibility = value["visibility"]
    if visibility not in ("public", "internal", "admin"):
        raise ValueError(f"{name}: visibility {visibility!r}")
    keys, routes = value["keys"], value.get("routes", [])
    if not isinstance(keys, list) or not keys or not isinstance(routes, list):
        raise ValueError(f"{name}: keys and routes are lists, and there is at least one key")
    return ServiceEntry(name, visibility, tuple(_key(str(key)) for key in keys), tuple(map(str, routes)))


def _key(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
