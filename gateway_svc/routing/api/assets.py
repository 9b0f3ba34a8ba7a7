"""The explorer's files: our page and script, and Swagger UI from its wheel, so that it works without the internet."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_OURS = {
    "index.html": ("gateway_svc.routing.api", "explorer/index.html", "text/html; charset=utf-8"),
    "explorer.js": ("gateway_svc.routing.api", "explorer/explorer.js", "text/javascript; charset=utf-8"),
}
_FOLDER = "static/drf_spectacular_sidecar/swagger-ui-dist/"
_SWAGGER_UI = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file to send."""

    body: bytes
    content_type: str
    etag: str


@cache
def find(name: str) -> Asset | None:
    """Read a file of the explorer, or give None for any other name."""
    if name in _OURS:
        package, path, content_type = _OURS[name]
    elif name in _SWAGGER_UI:
        package, path, content_type = "drf_spectacular_sidecar", _FOLDER + name, _SWAGGER_UI[name]
    else:
        return None
    body = files(package).joinpath(path).read_bytes()
    return Asset(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
