"""The lease over HTTP: what `Lease` uses where gRPC does not get through."""

from typing import Any

import requests

from libs.discovery.channels import headers
from libs.discovery.documents import load_to_json, registration_to_json
from libs.discovery.model import Load, Registration
from libs.identity.service_tokens import ServiceSigner

TIMEOUT = 3.0
REGISTER_TIMEOUT = 15.0  # includes the first health check


class HttpLease:
    """Register, renew, drain and deregister at one registry. Each raises requests' errors."""

    def __init__(self, url: str, registration: Registration, signer: ServiceSigner) -> None:
        """Speak for `registration` at the registry at `url`."""
        self._collection = f"{url.rstrip('/')}/v1/services/{registration.type}/instances"
        self._item = f"{self._collection}/{registration.id}"
        self._registration = registration
        self._signer = signer

    def register(self) -> float:
        """Register; give the seconds between beats."""
        body = registration_to_json(self._registration)
        answer = self._send("POST", self._collection, json=body, timeout=REGISTER_TIMEOUT)
        return float(answer["heartbeat_every"])

    def renew(self, load: Load) -> str:
        """Beat; give the state that the Registry wants."""
        body = {"incarnation": self._registration.incarnation, **load_to_json(load)}
        return str(self._send("PUT", f"{self._item}/lease", json=body).get("desired_state", ""))

    def drain(self) -> None:
        """Ask for no new requests."""
        self._send("POST", f"{self._item}/drain", json={"reason": "the instance is shutting down"})

    def deregister(self) -> None:
        """Leave."""
        self._send("DELETE", self._item, json={"incarnation": self._registration.incarnation})

    @staticmethod
    def failure(error: Exception) -> tuple[str, str]:
        """Give the code and the text of a failed request."""
        response = getattr(error, "response", None)
        if response is None:
            return "unavailable", str(error)
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        return str(problem.get("code", response.status_code)), str(problem.get("detail", error))

    def _send(self, method: str, url: str, *, timeout: float = TIMEOUT, **options: Any) -> dict[str, Any]:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, url, headers=headers(self._signer), timeout=timeout, **options)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json() if answer.content else {}
        return document
