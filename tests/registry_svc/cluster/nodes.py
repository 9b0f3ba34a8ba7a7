"""Several Registries as real processes over the test's PostgreSQL database."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from django.conf import settings
from django.db import connection

from libs.discovery import Lease, Load, Registration, RegistryDirectory
from libs.testing.ports import free_ports
from tests.registry_svc.parts import signer, wait_until

ROOT = Path(__file__).resolve().parents[3]
TTL = 1.5  # beats every half second
NOBODY = "127.0.0.1:1"  # no broker is there: what is published stays in the outbox


class Process:
    """One Registry."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.http_port, self.grpc_port = free_ports(2)
        self.address, self.url = f"127.0.0.1:{self.grpc_port}", f"http://127.0.0.1:{self.http_port}"
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> "Process":
        self._home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MT_", "DJANGO_"))}
        environment = {
            "MT_HOME": str(self._home),
            "MT_KEYS_DIR": str(settings.KEYS_DIR),
            "MT_SECRET_KEY": settings.SECRET_KEY,
            "MT_DATABASE_URL": database_url(),
            "MT_BROKER_URL": f"amqp://{NOBODY}",
            "MT_INSTANCE": self.name,
            "MT_HTTP_PORT": str(self.http_port),
            "MT_GRPC_PORT": str(self.grpc_port),
            "MT_LEASE_TTL": str(TTL),
            "MT_DRAIN_SECONDS": "0",
        }
        with (self._home / f"{self.name}.log").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "registry_svc" / "manage.py"), "serve"],
                env=kept | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def wait_ready(self) -> "Process":
        wait_until(lambda: self.answers("/healthz"), 60)
        return self

    def send(self, number: int) -> None:
        assert self._process
        self._process.send_signal(number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()

    def wait(self) -> int:
        assert self._process
        return self._process.wait(20)

    def answers(self, path: str, service: str = "admin") -> Any:
        """Give the JSON of an answer; None where there is none."""
        try:
            return self.request("GET", path, service).json()
        except requests.RequestException:
            return None

    def request(self, method: str, path: str, service: str = "admin", **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {signer(service).token('registry')}"}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, f"{self.url}{path}", headers=headers, timeout=10, **options)

    def items(self, service: str) -> dict[str, Any]:
        found = self.answers(f"/v1/services/{service}/instances") or {"items": []}
        return {each["id"]: each for each in found["items"]}

    def states(self, service: str) -> dict[str, str]:
        return {name: each["state"] for name, each in self.items(service).items()}

    def guards(self, service: str) -> list[str]:
        types = (self.answers("/v1/services") or {"items": []})["items"]
        return next((each["guards"] for each in types if each["type"] == service), ["?"])

    def log(self) -> str:
        return (self._home / f"{self.name}.log").read_text()


class Nodes(list[Process]):
    """The Registries of a test, and clients that know all of them."""

    def __init__(self, home: Path, count: int) -> None:
        super().__init__(Process(f"registry-{number}", home) for number in range(1, count + 1))
        self._clients: list[Any] = []
        for each in self:
            each.launch()
        for each in self:
            each.wait_ready()
        wait_until(lambda: not any(each.guards("todo") for each in self), 20)

    @property
    def addresses(self) -> list[str]:
        return [each.address for each in self]

    def lease(self, mine: Registration, at: Process | None = None) -> Lease:
        addresses = [at.address] if at else self.addresses
        lease = Lease(mine, addresses, signer(mine.type), Load)
        lease.start()
        self._clients.append(lease)
        return lease

    def directory(self, service: str = "gateway", at: Process | None = None) -> RegistryDirectory:
        directory = RegistryDirectory([at.address] if at else self.addresses, signer(service))
        self._clients.append(directory)
        return directory

    def close(self) -> None:
        for client in reversed(self._clients):
            client.stop()
        for each in self:
            each.stop()


def database_url() -> str:
    """Give the URL of the test's own database."""
    given = connection.settings_dict
    return f"postgresql://{given['USER']}:{quote(given['PASSWORD'])}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
