"""A client that calls this service's views the way the bridge does: with a Call in the environ."""

from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps as encode
from typing import Any

from django.test import Client

from libs.identity.principal import ENVIRON_KEY, Call, Caller, Principal

SCOPES = ("tasks:read", "tasks:write", "lists:read", "lists:write", "shares:write", "account")


@dataclass(frozen=True, slots=True)
class CallingClient:
    """A client that always calls as the same user or service."""

    call: Call

    def request(
        self, method: str, path: str, *, json: Any = None, data: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send a request and give Django's test response; `json` is encoded, `data` is sent as it is."""
        payload = data if json is None else encode(json).encode()
        return _send(self.call, method, path, payload, dict(headers or {}))

    def get(self, path: str, **kwargs: Any) -> Any:
        """Send a GET."""
        return self.request("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Any:
        """Send a POST."""
        return self.request("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> Any:
        """Send a PUT."""
        return self.request("PUT", path, **kwargs)

    def patch(self, path: str, **kwargs: Any) -> Any:
        """Send a PATCH."""
        return self.request("PATCH", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Any:
        """Send a DELETE."""
        return self.request("DELETE", path, **kwargs)


class BridgeTestClient:
    """Makes clients for users, services and strangers."""

    def as_user(
        self, user_id: str, *scopes: str, session_id: str = "session-1", client_ip: str = "10.0.0.1"
    ) -> CallingClient:
        """Call from outside as a user, with all scopes where none is named."""
        principal = Principal(user_id, session_id, frozenset(scopes or SCOPES), "token-1")
        return CallingClient(Call(Caller.of("gateway"), principal, "request-1", "/v1", client_ip))

    def anonymous(self, *, client_ip: str = "10.0.0.1", token_error: str = "") -> CallingClient:
        """Call from outside, through the gateway, without a user; `token_error`: with a token that is not valid."""
        return CallingClient(Call(Caller.of("gateway"), None, "request-1", "/v1", client_ip, token_error))

    def as_service(self, service: str) -> CallingClient:
        """Call from inside as a service."""
        return CallingClient(Call(Caller.of(service), None, "request-1"))

    def external(self) -> CallingClient:
        """Call without any token, as at the Registry's public door."""
        return CallingClient(Call(request_id="request-1"))


def _send(call: Call, method: str, path: str, payload: bytes, headers: dict[str, str]) -> Any:
    content_type = headers.pop("Content-Type", "application/json")
    environ: dict[str, Any] = {ENVIRON_KEY: call}
    client = Client(raise_request_exception=True, **environ)
    return client.generic(method, path, payload, content_type=content_type, headers=headers)
