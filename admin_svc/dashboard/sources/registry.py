"""The Registry over HTTP, for what its live snapshot does not carry: last checks, load, guards, actions."""

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from admin_svc.dashboard.errors import RegistryAway
from admin_svc.dashboard.sources.base import Params
from libs.contracts.errors import BadGateway, Conflict, NotFound, PermissionDenied, ServiceError
from libs.identity.service_tokens import ServiceSigner

TIMEOUT = 3.0
REFUSALS: dict[int, type[ServiceError]] = {403: PermissionDenied, 404: NotFound, 409: Conflict}


class RegistryClient:
    """Asks the first registry that answers."""

    def __init__(self, urls: Sequence[str], signer: ServiceSigner) -> None:
        """Know the registries' `urls` and sign as this service."""
        self._urls = [url.rstrip("/") for url in urls]
        self._signer = signer

    def call(
        self, method: str, path: str, *, params: Params | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        """Send a request; RegistryAway where none answers, another ServiceError where one refuses."""
        headers = {"Authorization": f"Bearer {self._signer.cached_token('registry')}"}
        for url in self._urls:
            try:
                response = requests.request(
                    method, url + path, params=params, json=body, headers=headers, timeout=TIMEOUT
                )
            except requests.RequestException:
                continue
            return _answer(response)
        raise RegistryAway


def _answer(response: requests.Response) -> Any:
    if response.ok:
        return response.json() if response.content else None
    problem = _problem(response)
    refusal = REFUSALS.get(response.status_code, BadGateway)
    raise refusal(problem.get("detail", ""), code=problem.get("code"))


def _problem(response: requests.Response) -> dict[str, Any]:
    try:
        problem = response.json()
    except requests.JSONDecodeError:
        return {"detail": f"the registry answered {response.status_code}"}
    return problem if isinstance(problem, dict) else {}
