"""What docker compose needs besides the code: `secrets/` with the same keys as `make up`, and `.env` with passwords."""

import os
import secrets
from pathlib import Path

from libs.devstack.keys import write_keys

VARIABLES = ("POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "REDIS_PASSWORD")


def write_compose_secrets(root: Path) -> list[str]:
    """Write what is missing of `secrets/` and `.env` below `root`; give the names of what was written."""
    written = [f"secrets/{name}" for name in write_keys(root / "secrets")]
    # The containers run as another user; the folder itself stays closed to others on the host.
    for file in (root / "secrets").iterdir():
        file.chmod(0o644)
    env = root / ".env"
    known = env.read_text() if env.exists() else ""
    missing = [name for name in VARIABLES if f"{name}=" not in known]
    if missing:
        lines = [f"{name}={secrets.token_urlsafe(24)}\n" for name in missing]
        descriptor = os.open(env, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as stream:
            stream.writelines(lines)
        written.append(".env")
    return written
