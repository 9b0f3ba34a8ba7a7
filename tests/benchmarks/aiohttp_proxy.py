"""The reverse proxy that a tutorial would write with aiohttp, on uvloop, with a check of access tokens.

    python -m tests.benchmarks.aiohttp_proxy PORT UPSTREAM JWKS ISSUER

UPSTREAM is an address such as http://127.0.0.1:8000, JWKS a file, ISSUER is the audience of tokens as well. They are
verified once and remembered until they expire. It reads bodies in full, drops hop-by-hop headers and writes aiohttp's
access log. It does no more than that.
"""

import json
import logging
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jwt
import uvloop
from aiohttp import ClientSession, TCPConnector, web
from multidict import CIMultiDict

HOP_BY_HOP = frozenset(
    (
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade",
    )
)  # fmt: skip
REPLACED = frozenset(("host", "authorization", "content-length"))


class Proxy:
    """The one handler, and what it remembers."""

    def __init__(self, upstream: str, keys: dict[str, Any], issuer: str) -> None:
        self._upstream = upstream
        self._keys = keys
        self._issuer = issuer
        self._verified: dict[str, dict[str, Any]] = {}

    async def session(self, app: web.Application) -> Any:
        """Open the client for the life of the application."""
        async with ClientSession(connector=TCPConnector(limit=0), auto_decompress=False) as self._session:
            yield

    async def handle(self, request: web.Request) -> web.Response:
        """Take a request to the upstream and its answer back."""
        try:
            user = self._user(request.headers.get("Authorization", ""))
        except (jwt.PyJWTError, KeyError):
            return web.json_response({"title": "not authenticated"}, status=401)
        headers = CIMultiDict(passing(request.headers.items(), HOP_BY_HOP | REPLACED))
        headers["X-Forwarded-For"] = request.remote or ""
        headers["X-User-Id"] = user
        url = f"{self._upstream}{request.path_qs}"
        body = await request.read()
        async with self._session.request(request.method, url, headers=headers, data=body) as answer:
            content = await answer.read()
            back = CIMultiDict(passing(answer.headers.items(), HOP_BY_HOP))
            return web.Response(status=answer.status, body=content, headers=back)

    def _user(self, authorization: str) -> str:
        token = authorization.removeprefix("Bearer ")
        claims = self._verified.get(token)
        if claims is None or claims["exp"] < time.time():
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key, algorithms=["ES256"], audience=self._issuer, issuer=self._issuer)
            self._verified[token] = claims
        return str(claims["sub"])


def passing(headers: Iterable[tuple[str, str]], dropped: frozenset[str]) -> list[tuple[str, str]]:
    """Give the headers that are not dropped."""
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def main(port: str, upstream: str, jwks: str, issuer: str) -> None:
    """Serve until a signal."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    keys = {item["kid"]: jwt.PyJWK(item).key for item in json.loads(Path(jwks).read_text())["keys"]}
    proxy = Proxy(upstream, keys, issuer)
    app = web.Application()
    app.cleanup_ctx.append(proxy.session)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    web.run_app(app, host="127.0.0.1", port=int(port), loop=uvloop.new_event_loop(), print=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
