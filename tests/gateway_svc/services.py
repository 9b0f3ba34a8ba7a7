"""Services in this process: real bridge servers over small WSGI applications, and a directory that knows them."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from libs.discovery import Instance, Snapshots
from libs.identity import personal_tokens
from libs.identity.bundle import Bundle
from libs.identity.principal import ENVIRON_KEY
from libs.identity.service_tokens import ServiceVerifier
from libs.rpc.dispatcher import Dispatcher
from libs.rpc.server import BridgeServer
from libs.rpc.streams import Stream

WSGI = Callable[[dict[str, Any], Any], list[bytes]]


class StaticDirectory(Snapshots):
    """A directory filled by the test; it records which instances were called and whether they were reached."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[tuple[str, bool]] = []

    def end(self, instance: Instance, *, ok: bool) -> None:
        self.ended.append((instance.id, ok))
        super().end(instance, ok=ok)


class Echo:
    """Answers 200 with what it was asked, and keeps each environ."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []

    @property
    def last(self) -> dict[str, Any]:
        return self.environs[-1]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.environs.append({**environ, "body": environ["wsgi.input"].read()})
        refused = environ[ENVIRON_KEY].token_error  # as views for users do
        start_response("401 Unauthorized" if refused else "200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode("latin-1")]

    @property
    def calls(self) -> list[Any]:
        return [environ[ENVIRON_KEY] for environ in self.environs]


def answering(status: str, headers: list[tuple[str, str]], body: bytes = b"") -> WSGI:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return [body]

    return app


@dataclass
class Auth:
    """An Auth service with a real ES256 key.

    `ended` is the log of ended sessions and personal tokens (`pat-…`), a cursor is a position in it.
    """

    ended: list[str] = field(default_factory=list)
    pats: dict[str, dict[str, Any]] = field(default_factory=dict)
    generation: int = 1
    asked: list[str] = field(default_factory=list)
    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rotate()

    @property
    def kid(self) -> str:
        return f"key-{self.generation}"

    def rotate(self) -> None:
        self.generation += 1
        self.keys[self.kid] = ec.generate_private_key(ec.SECP256R1())

    def token(self, user_id: str = "user-1", session_id: str = "session-1", **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": settings.TOKEN_ISSUER, "aud": settings.TOKEN_AUDIENCE, "sub": user_id, "sid": session_id,
            "jti": "token-1", "scope": "lists:read lists:write", "iat": now, "exp": now + 600, **changes,
        }  # fmt: skip
        headers = {"typ": "at+jwt", "kid": self.kid}
        return jwt.encode(claims, self.keys[self.kid], algorithm="ES256", headers=headers)

    def personal_token(self, *scopes: str, expires_at: str | None = None) -> str:
        """Make a personal token of user-1; the n-th has the id `pat-<n>`."""
        token = personal_tokens.new_token()
        self.pats[personal_tokens.digest(token)] = {
            "token_id": f"pat-{len(self.pats) + 1}", "user_id": "user-1", "scopes": list(scopes),
            "expires_at": expires_at,
        }  # fmt: skip
        return token

    def delete(self, token: str) -> None:
        """End a personal token."""
        self.ended.append(self.pats.pop(personal_tokens.digest(token))["token_id"])

    def jwks(self) -> dict[str, Any]:
        return {"keys": [_jwk(kid, key) for kid, key in self.keys.items()]}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.asked.append(environ["PATH_INFO"])
        documents: Mapping[str, Any] = {
            "/.well-known/jwks.json": self.jwks(),
            "/internal/v1/revocations": self._revocations(environ["QUERY_STRING"]),
            **{f"/internal/v1/pats/{digest}": pat for digest, pat in self.pats.items()},
        }
        document = documents.get(environ["PATH_INFO"])
        if document is None:
            start_response("404 Not Found", [("Content-Type", "application/problem+json")])
            return [b'{"code": "unknown_token"}']
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(document).encode()]

    def _revocations(self, query: str) -> dict[str, Any]:
        since = self.ended[int(parse_qs(query).get("after", ["0"])[0]) :]
        return {
            "sessions": [{"session_id": ended} for ended in since if not ended.startswith("pat-")],
            "pats": [{"token_id": ended} for ended in since if ended.startswith("pat-")],
            "jwks_version": self.kid,
            "cursor": str(len(self.ended)),
        }


def _jwk(kid: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": kid, "alg": "ES256", "use": "sig"}


class World:
    """All services of a test."""

    def __init__(self, directory: StaticDirectory) -> None:
        self.directory = directory
        self.servers: dict[str, BridgeServer] = {}

    def run(
        self,
        service: str,
        app: Any,
        *,
        routes: tuple[str, ...] = (),
        metadata: Mapping[str, str] | None = None,
        streams: Mapping[str, Stream] | None = None,
        threads: int = 4,
    ) -> Instance:
        """Start an instance of `service` and tell the directory; streaming routes run on the loop of the test."""
        verifier = ServiceVerifier(Bundle.load(settings.KEYS_DIR / "services.json"), service)
        dispatcher = Dispatcher(app, threads)
        server = BridgeServer(
            dispatcher, verifier, host="127.0.0.1", port=0, health=lambda: (True, ""), streams=streams
        )
        port = server.start(asyncio.get_running_loop() if streams else None)
        known = self.directory.instances(service)
        instance = Instance(
            service, f"{service}-{len(known) + 1}", f"made-at-{port}", grpc_address=f"127.0.0.1:{port}",
            grpc_port=port, routes=routes, metadata=metadata or {},
        )  # fmt: skip
        self.servers[instance.id] = server
        self.directory.update(service, [*known, instance])
        return instance

    def kill(self, instance: Instance) -> None:
        """Stop an instance without telling the directory."""
        self.servers[instance.id].stop(0)

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop(0)
