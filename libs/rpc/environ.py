"""Builds the WSGI environ of an envelope.

This takes the place of a WSGI server, so the guards of one live here: names that could pose as others are dropped
(`x_user` and `x-user` are the same key in an environ), the length is that of the body whatever the header said,
repeats are joined. Identity is never read from headers: it is the `Call` under `libs.identity.principal.ENVIRON_KEY`.
"""

import io
import re
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from libs.identity.principal import ENVIRON_KEY, Call
from libs.rpc import http_bridge_pb2 as pb

_NAME = re.compile(r"[a-z0-9-]+")

#: What the envelope says elsewhere, what does not outlive a hop, and `proxy`, which CGI programs mistake (httpoxy).
_DROPPED = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "proxy")
)


def build(request: pb.Request, call: Call, body: io.BufferedIOBase | None = None) -> dict[str, Any]:
    """Make the environ of `request`, made by `call`; `body` is where a streamed one is read from."""
    name, port = _split(request.authority, request.scheme)
    return {
        **_header_keys(request.headers),
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.raw_path).decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "CONTENT_LENGTH": str(request.body_length if body else len(request.body)),
        "HTTP_HOST": request.authority or "localhost",
        "HTTP_X_REQUEST_ID": call.request_id,
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": call.client_ip,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme or "http",
        "wsgi.input": body or io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        ENVIRON_KEY: call,
    }


def _header_keys(headers: Iterable[pb.Header]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for header in headers:
        name = header.name.lower()
        if name in _DROPPED or not _NAME.fullmatch(name):
            continue
        key = "CONTENT_TYPE" if name == "content-type" else "HTTP_" + name.upper().replace("-", "_")
        value = header.value.decode("latin-1")
        if key in keys:
            value = keys[key] + ("; " if name == "cookie" else ", ") + value
        keys[key] = value
    return keys


def _split(authority: str, scheme: str) -> tuple[str, str]:
    host, colon, port = authority.rpartition(":")
    if colon and port.isdigit():
        return host.strip("[]"), port
    return authority.strip("[]") or "localhost", "443" if scheme == "https" else "80"
